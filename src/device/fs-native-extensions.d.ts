/** The part that is used here; the package ships no types. */
declare module 'fs-native-extensions' {
  /** False if another open of the file holds a lock that excludes this one. Throws what the system says otherwise. */
  export function tryLock(fd: number, options?: { readonly shared?: boolean }): boolean;
  /** Deallocates a range, which then reads as zeros. */
  export function trim(fd: number, offset: number, length: number): Promise<void>;
}
