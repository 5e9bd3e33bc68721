import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { endpointAt } from '../../../src/cli/otlp/endpoint.js';
import { OtlpSender } from '../../../src/cli/otlp/sender.js';
import { otlpJson } from '../../../src/telemetry/otlp.js';
import { type Answer, OtlpReceiver } from '../../telemetry/otlp/receiver.js';
import { SOURCE, sampleSpans } from '../../telemetry/otlp/sample.js';

const BUSY: Answer = { status: 503, headers: { 'retry-after': '0.001' } };

describe('what is sent to a collector', () => {
  let receiver: OtlpReceiver;

  const sendAll = async (lines: number, each = 3) => {
    const sender = new OtlpSender(endpointAt(receiver.url, { OTEL_EXPORTER_OTLP_HEADERS: 'x-key=a%20b' }));
    for (let line = 0; line < lines; line++) {
      await sender.send(otlpJson(sampleSpans(each, 1 + line * each), SOURCE), each);
    }
    return await sender.end();
  };
  const codeOf = async (work: Promise<unknown>) => {
    const error = await work.then(
      () => null,
      (reason) => reason,
    );
    return error?.code;
  };
  afterEach(() => receiver.stop());

  it('arrives whole, with the headers of the environment, a few requests at once', async () => {
    receiver = await OtlpReceiver.started();
    expect(await sendAll(20)).to.deep.equal({ sent: 60, rejected: 0, rejection: '' });
    expect(receiver.spans).to.have.length(60);
    expect(receiver.findings()).to.deep.equal([]);
    expect(receiver.atOnceMax).to.be.within(1, 4);
    expect(receiver.headers[0]['x-key']).to.equal('a b');
  });

  for (const status of [429, 503]) {
    it(`is sent again where the collector answers ${status}`, async () => {
      receiver = await OtlpReceiver.started((request) => (request % 2 === 1 ? { ...BUSY, status } : null));
      expect((await sendAll(6)).sent).to.equal(18);
      expect(receiver.spans).to.have.length(18);
      expect(receiver.requests).to.be.greaterThan(6);
    });
  }

  it('is given up with CACHETRAIL_COLLECTOR_REFUSED where it is busy for long', async () => {
    receiver = await OtlpReceiver.started(() => BUSY);
    expect(await codeOf(sendAll(1))).to.equal('CACHETRAIL_COLLECTOR_REFUSED');
    expect(receiver.requests).to.equal(6);
  });

  it('is refused at once with any other answer', async () => {
    receiver = await OtlpReceiver.started(() => ({ status: 401, body: 'who are you?' }));
    expect(await codeOf(sendAll(1))).to.equal('CACHETRAIL_COLLECTOR_REFUSED');
    expect(receiver.requests).to.equal(1);
  });

  it('is counted where the collector takes a part of it', async () => {
    const body = JSON.stringify({ partialSuccess: { rejectedSpans: '2', errorMessage: 'too old' } });
    receiver = await OtlpReceiver.started((request) => (request === 2 ? { status: 200, body } : null));
    expect(await sendAll(3)).to.deep.equal({ sent: 7, rejected: 2, rejection: 'too old' });
  });

  it('ends with CACHETRAIL_COLLECTOR_UNREACHABLE where nothing listens', async () => {
    receiver = await OtlpReceiver.started();
    const { url } = receiver;
    await receiver.stop();
    const sender = new OtlpSender(endpointAt(url));
    await sender.send('{}', 1).catch(() => undefined);
    expect(await codeOf(sender.end())).to.equal('CACHETRAIL_COLLECTOR_UNREACHABLE');
    expect(await codeOf(sender.send('{}', 1))).to.equal('CACHETRAIL_COLLECTOR_UNREACHABLE');
    receiver = await OtlpReceiver.started();
  });

  it('ends with CACHETRAIL_COLLECTOR_UNREACHABLE where nobody answers', async () => {
    receiver = await OtlpReceiver.started();
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const sender = new OtlpSender(endpointAt(`http://127.0.0.1:${port}`, { OTEL_EXPORTER_OTLP_TIMEOUT: '50' }));
    await sender.send('{}', 1).catch(() => undefined);
    expect(await codeOf(sender.end())).to.equal('CACHETRAIL_COLLECTOR_UNREACHABLE');
    silent.closeAllConnections();
    silent.close();
  });
});
