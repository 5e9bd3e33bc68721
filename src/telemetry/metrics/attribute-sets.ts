export type PointAttributes = Readonly<Record<string, string>>;

/** The attributes of a value: some, and one more. Made once for each value of that one, so that an event makes none. */
export class AttributeSets {
  readonly #base: PointAttributes;
  readonly #name: string;
  readonly #sets = new Map<string, PointAttributes>();

  constructor(base: PointAttributes, name: string) {
    this.#base = base;
    this.#name = name;
  }

  with(value: string): PointAttributes {
    let attributes = this.#sets.get(value);
    if (attributes === undefined) {
      attributes = { ...this.#base, [this.#name]: value };
      this.#sets.set(value, attributes);
    }
    return attributes;
  }
}
