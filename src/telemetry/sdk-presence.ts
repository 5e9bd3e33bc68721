/** Whether the application has registered a tracer provider, asked often: on every request, and on every event that is no hit. */
import { ProxyTracerProvider, type Tracer, trace } from '@opentelemetry/api';
import { SCOPE } from './names.js';

const NOBODY = new ProxyTracerProvider().getDelegate();

export class SdkPresence {
  /** What this copy of the API hands out before a provider is registered, and delegates to the provider from then on. */
  readonly #proxy: ProxyTracerProvider | null;
  #tracer: Tracer | null = null;

  constructor() {
    const provider = trace.getTracerProvider();
    this.#proxy = provider instanceof ProxyTracerProvider ? provider : null;
  }

  /**
   * Hot: two field reads until there is a provider. One that was registered through another copy of the API is seen when the
   * next event asks for a tracer.
   */
  get isPresent(): boolean {
    return this.#tracer !== null || this.#proxy === null || this.#proxy.getDelegate() !== NOBODY;
  }

  /** The provider's tracer, or null while there is none. */
  tracer(): Tracer | null {
    this.#tracer ??= findTracer();
    return this.#tracer;
  }
}

/** Another copy of the API has a proxy class of its own, with the same methods. */
function findTracer(): Tracer | null {
  const provider = trace.getTracerProvider();
  const { name, version, schemaUrl } = SCOPE;
  if (!isProxy(provider)) return provider.getTracer(name, version, { schemaUrl });
  return provider.getDelegateTracer(name, version, { schemaUrl }) ?? null;
}

function isProxy(provider: object): provider is ProxyTracerProvider {
  return provider instanceof ProxyTracerProvider || 'getDelegateTracer' in provider;
}
