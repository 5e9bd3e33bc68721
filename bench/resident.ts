/** Resident bytes, looked at ten times on the way. */
export class Memory {
  readonly rss: number[] = [];
  readonly #what: string;

  constructor(what: string) {
    this.#what = what;
  }

  note(share: number): void {
    if (share * 10 < this.rss.length) return;
    this.rss.push(process.memoryUsage.rss());
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${this.#what} ${Math.floor(share * 100)} %`);
  }

  text(): string {
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
    return `resident memory on the way, MiB: ${this.rss.map((bytes) => (bytes / 2 ** 20).toFixed(0)).join(' ')}`;
  }
}
