/** Tells what happens while it happens: lines that stay, and on a terminal a line that changes. */
export interface Narrator {
  /** A line that stays, and tells what the next ones are about. */
  heading(line: string): void;
  /** A line that stays. */
  said(line: string): void;
  /** What is being done now; shown only on a terminal. */
  progress(text: string): void;
  /** Takes the changing line away. */
  quiet(): void;
}

export interface NarratorOptions {
  /** Where lines go that stay; undefined: nowhere. */
  readonly lines: NodeJS.WriteStream | undefined;
  /** Where the changing line goes, if it is a terminal. */
  readonly terminal: NodeJS.WriteStream;
}

/** Often enough to look alive, seldom enough to cost nothing. */
const REFRESH_MS = 80;
const ERASE_LINE = '\r\u001b[K';

export function narrator({ lines, terminal }: NarratorOptions): Narrator {
  let shown = false;
  let shownAt = 0;
  const quiet = () => {
    if (shown) terminal.write(ERASE_LINE);
    shown = false;
  };
  const stay = (line: string) => {
    quiet();
    lines?.write(`${line}\n`);
  };
  return {
    heading: stay,
    said: (line) => stay(`  ${line}`),
    progress(text) {
      const now = Date.now();
      if (!terminal.isTTY || now - shownAt < REFRESH_MS) return;
      shownAt = now;
      shown = true;
      terminal.write(`${ERASE_LINE}  ${text.slice(0, Math.max(10, (terminal.columns || 80) - 3))}`);
    },
    quiet,
  };
}
