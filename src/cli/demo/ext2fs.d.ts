/** What the demo uses of ext2fs 4.2.5, which has no types of its own. */
declare module 'ext2fs' {
  interface Disk {
    read(buffer: Buffer, bufferOffset: number, length: number, fileOffset: number): Promise<unknown>;
    write(buffer: Buffer, bufferOffset: number, length: number, fileOffset: number): Promise<unknown>;
    flush(): Promise<void>;
    discard(offset: number, length: number): Promise<void>;
  }

  interface Stats {
    readonly mode: number;
    isFile(): boolean;
    isDirectory(): boolean;
    isSymbolicLink(): boolean;
  }

  interface Promises {
    /** Its own `close()` does not wait, and a failure of it ends the process: close `fd` instead. */
    open(path: string, flags: string | number, mode?: number): Promise<{ readonly fd: number }>;
    close(fd: number): Promise<void>;
    /** `position` null goes on where the last read ended: given ones are cut to 32 bits. */
    read(fd: number, buffer: Buffer, offset: number, length: number, position: null): Promise<{ bytesRead: number }>;
    write(
      fd: number,
      buffer: Buffer,
      offset: number,
      length: number,
      position: number,
    ): Promise<{ bytesWritten: number }>;
    mkdir(path: string, mode: number): Promise<void>;
    rmdir(path: string): Promise<void>;
    unlink(path: string): Promise<void>;
    rename(from: string, to: string): Promise<void>;
    readdir(path: string): Promise<string[]>;
    readlink(path: string): Promise<string>;
    lstat(path: string): Promise<Stats>;
  }

  interface FileSystem {
    readonly promises: Promises;
  }

  const ext2fs: {
    mount(disk: Disk, offset?: number): Promise<FileSystem>;
    umount(fs: FileSystem): Promise<void>;
  };
  export default ext2fs;
  export type { Disk, FileSystem, Promises, Stats };
}
