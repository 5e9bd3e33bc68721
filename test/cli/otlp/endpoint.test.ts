import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { defaultEndpoint, endpointAt, endpointFrom, isListening, isSilenced } from '../../../src/cli/otlp/endpoint.js';

const urlOf = (value: string) => endpointAt(value, {}).url.href;

describe('where spans are sent', () => {
  it('is the path for traces below what --otlp names', () => {
    expect(urlOf('http://localhost:4318')).to.equal('http://localhost:4318/v1/traces');
    expect(urlOf('http://localhost:4318/')).to.equal('http://localhost:4318/v1/traces');
    expect(urlOf('https://example.org/otlp/')).to.equal('https://example.org/otlp/v1/traces');
    expect(urlOf('http://[::1]:4318/v1/traces')).to.equal('http://[::1]:4318/v1/traces');
  });

  for (const value of ['', 'localhost:4318', 'ftp://localhost', 'http://', 'nonsense']) {
    it(`is refused where it is ${JSON.stringify(value)}`, () => {
      expect(() => endpointAt(value, {})).to.throw('takes an address');
    });
  }

  it('is what the environment names, as the SDKs read it', () => {
    const base = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a:1/x' };
    expect(endpointFrom({})).to.equal(null);
    expect(endpointFrom({ OTEL_EXPORTER_OTLP_ENDPOINT: ' ' })).to.equal(null);
    expect(endpointFrom(base)?.url.href).to.equal('http://a:1/x/v1/traces');
    const traces = { ...base, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://b:2/as-it-is' };
    expect(endpointFrom(traces)?.url.href).to.equal('http://b:2/as-it-is');
    expect(() => endpointFrom({ OTEL_EXPORTER_OTLP_ENDPOINT: 'b' })).to.throw('OTEL_EXPORTER_OTLP_ENDPOINT takes');
  });

  it('has the headers and the timeout of the environment, those for traces before those for all', () => {
    const env = {
      OTEL_EXPORTER_OTLP_HEADERS: 'a=1, b=x%20y,,bad name=1,=2',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'a=2',
      OTEL_EXPORTER_OTLP_TIMEOUT: '1500',
    };
    const { headers, timeoutMs } = endpointAt('http://a', env);
    expect([headers, timeoutMs]).to.deep.equal([{ a: '2', b: 'x y' }, 1500]);
    expect(endpointAt('http://a', { OTEL_EXPORTER_OTLP_TIMEOUT: 'x' }).timeoutMs).to.equal(10_000);
  });

  it('is port 4318 of this machine where nobody says otherwise', () => {
    expect(defaultEndpoint({}).url.href).to.equal('http://localhost:4318/v1/traces');
  });

  it('is nowhere where the environment wants none', () => {
    expect(isSilenced({ OTEL_SDK_DISABLED: 'true' })).to.equal(true);
    expect(isSilenced({ OTEL_TRACES_EXPORTER: 'none' })).to.equal(true);
    expect(isSilenced({ OTEL_TRACES_EXPORTER: 'otlp' })).to.equal(false);
  });

  it('is asked whether anything listens', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    expect(await isListening(endpointAt(`http://127.0.0.1:${port}`))).to.equal(true);
    await new Promise((resolve) => server.close(resolve));
    expect(await isListening(endpointAt(`http://127.0.0.1:${port}`))).to.equal(false);
  });
});
