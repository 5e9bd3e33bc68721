/**
 * Every error code of cachetrail, what it means and what to do about it. `docs/ERRORS.md` is held against this table by a
 * test, and the command prints the remedy below the message.
 */
export const ERROR_CODES = {
  CACHETRAIL_INVALID_ARGUMENT: {
    meaning: 'An argument has the wrong type or value.',
    remedy: 'Correct the call; the message names the argument and what it takes.',
  },
  CACHETRAIL_INVALID_BLOCK: {
    meaning: 'A block number or count is not a whole number from 0 to 2^53 - 1.',
    remedy: 'Pass whole, non-negative numbers below 2^53.',
  },
  CACHETRAIL_INVALID_BLOCK_SIZE: {
    meaning: 'The block size is no power of two from 512 to 1 MiB, or is larger than the device.',
    remedy: 'Choose 512, 1024, … 1048576, at most the size of the device.',
  },
  CACHETRAIL_INVALID_CAPACITY: {
    meaning: 'The capacity is no whole number of blocks, is 0, or needs more memory than there is.',
    remedy: 'Choose a capacity of at least 1 block whose bytes fit in memory.',
  },
  CACHETRAIL_OUT_OF_RANGE: {
    meaning: 'The range lies wholly or partly past the end of the device.',
    remedy: 'Stay below the size of the device (`cache.sizeBytes`, `cache.blockCount`).',
  },
  CACHETRAIL_BUFFER_LENGTH: {
    meaning: 'A buffer does not have the length that the request needs.',
    remedy: 'Pass whole blocks (the last block of a device may be short); the message says how many bytes.',
  },
  CACHETRAIL_CLOSED: {
    meaning: 'The cache or the device is closed, or closing.',
    remedy: 'Open it again; nothing was done.',
  },
  CACHETRAIL_READ_ONLY: {
    meaning: 'A write to a cache or device that is read-only.',
    remedy: 'Open the device for writing.',
  },
  CACHETRAIL_UNSUPPORTED: {
    meaning: 'The device cannot do what was asked.',
    remedy: 'Look at `device.supports` first, or use a device that can.',
  },
  CACHETRAIL_UNKNOWN_OPTION: {
    meaning: 'Neither the cache nor the device knows the option, or not with this value.',
    remedy: 'The message lists the options; the device’s are in its own documentation.',
  },
  CACHETRAIL_DIRTY: {
    meaning: 'Blocks in the range are not yet durable, so dropping them would lose data.',
    remedy: 'Flush first, or pass `{ discardDirty: reason }` to lose them by name.',
  },
  CACHETRAIL_PINNED: {
    meaning: 'A block in the range is borrowed, or too many blocks are.',
    remedy: 'Release the borrowed blocks first.',
  },
  CACHETRAIL_OVERLOADED: {
    meaning: 'Too many requests are waiting.',
    remedy: 'Wait for earlier requests before sending more; the bound is in `limits`.',
  },
  CACHETRAIL_TOO_LARGE: {
    meaning: 'One write to the core has more blocks than the cache, because the cache was made smaller meanwhile.',
    remedy: 'None needed: the public API takes such a write again, in smaller parts.',
  },
  CACHETRAIL_BUSY: {
    meaning: 'The block size is being changed.',
    remedy: 'Wait for `setBlockSize` to settle, then ask again.',
  },
  CACHETRAIL_ADMISSION_TIMEOUT: {
    meaning: 'A write waited too long for room: the device does not take dirty blocks fast enough, or not at all.',
    remedy:
      'Look at `stats().parkedBlocks` and the write errors; cure the device, then write again. The write was not accepted.',
  },
  CACHETRAIL_DEVICE_OTHER: {
    meaning:
      'The device that was to take the place of the cache’s own is another one: its name, its size, its rights or its bytes differ.',
    remedy:
      'Open the same device again, with the same rights. Blocks whose bytes were changed on purpose, or by a discard or a zero that failed, are to be invalidated first. The cache goes on with the device that it has.',
  },
  CACHETRAIL_ABORTED: {
    meaning: 'The caller’s AbortSignal ended the wait.',
    remedy:
      'None needed. A write that waited for room was not accepted; one that waited for the device (`through`) is in the cache.',
  },
  CACHETRAIL_READ_FAILED: {
    meaning: 'The device could not read.',
    remedy: 'See `cause` for the device’s own error. Nothing was cached; the read may be tried again.',
  },
  CACHETRAIL_WRITE_FAILED: {
    meaning: 'The device could not take a write that the caller waited for.',
    remedy: 'See `blocks` and their causes. The data is still in the cache; cure the device and flush.',
  },
  CACHETRAIL_FLUSH_FAILED: {
    meaning: 'Some blocks could not be made durable.',
    remedy: 'See `blocks` and their causes. They are kept; cure the device and flush again.',
  },
  CACHETRAIL_FAILURE_RESOLVED: {
    meaning:
      'Writes had failed since this handle last asked, and have been resolved: they are durable, or were given up by name.',
    remedy:
      'None needed: `blocks` says what had failed and how it ended. It is told once; a cache that was closed is closed.',
  },
  CACHETRAIL_CLOSE_FAILED: {
    meaning: 'The cache could not be closed without losing data, so it stays open.',
    remedy: 'Cure the device and close again, or `close({ abandon: reason })` to lose the blocks by name.',
  },
  CACHETRAIL_BARRIER_FAILED: {
    meaning: 'The device could not make its writes durable (fdatasync failed).',
    remedy: 'See `cause`. Everything since the last good barrier is dirty again and will be written again.',
  },
  CACHETRAIL_CLEAR_FAILED: {
    meaning: 'A discard or zero failed, or was not made durable.',
    remedy: 'See `cause`. Dirty blocks of the range are kept; on the device its bytes may be old or cleared.',
  },
  CACHETRAIL_DEVICE_TIMEOUT: {
    meaning: 'The device did not answer in time; whether it did the work is unknown.',
    remedy: 'Check the device. Blocks stay dirty, and are not written again before it answers.',
  },
  CACHETRAIL_DEVICE_STALLED: {
    meaning: 'Too many operations of the device have timed out unanswered; it is not asked for more.',
    remedy: 'Check the device. It is asked again when it has answered what it owes.',
  },
  CACHETRAIL_DEVICE_REPLACED: {
    meaning: 'The device was replaced before it had answered, or before a barrier had covered what it had taken.',
    remedy:
      'None needed: what was written is written again, to the new device. A discard or zero may be asked for again.',
  },
  CACHETRAIL_SHORT_READ: {
    meaning: 'The device returned fewer bytes than it was asked for.',
    remedy: 'The device may have shrunk; check its size.',
  },
  CACHETRAIL_SHORT_WRITE: {
    meaning: 'The device took fewer bytes than it was given; what reached it is unknown.',
    remedy: 'None needed at once: the whole run is written again. If it lasts, the device is full or has shrunk.',
  },
  CACHETRAIL_DEVICE_PROTOCOL: {
    meaning: 'The device broke its contract: it threw, or answered with something that is no byte count.',
    remedy: 'Run the conformance suite of `cachetrail/testing` against it.',
  },
  CACHETRAIL_DEVICE_NOT_FOUND: {
    meaning: 'There is no file or block device at the path.',
    remedy: 'Check the path.',
  },
  CACHETRAIL_DEVICE_ACCESS: {
    meaning: 'The file or block device may not be opened so.',
    remedy: 'Check its permissions, or open it with `{ readOnly: true }`.',
  },
  CACHETRAIL_DEVICE_KIND: {
    meaning: 'The path is neither a regular file nor a block device.',
    remedy: 'Name a disk image or a block device.',
  },
  CACHETRAIL_DEVICE_EMPTY: {
    meaning: 'The device has no bytes.',
    remedy: 'Make the image first (`truncate -s SIZE FILE`).',
  },
  CACHETRAIL_DEVICE_LOCKED: {
    meaning: 'Another cachetrail, in this process or another, has the device open, or the system has it mounted.',
    remedy: 'Close or unmount it first.',
  },
  CACHETRAIL_DEVICE_OPEN_FAILED: {
    meaning: 'The device could not be opened.',
    remedy: 'See `cause` for the system’s own error.',
  },
  CACHETRAIL_DEVICE_CLOSE_FAILED: {
    meaning: 'All data was made durable, but the device reported an error when it was closed.',
    remedy: 'See `cause`. The cache is closed.',
  },
  CACHETRAIL_JOURNAL_NOT_FOUND: {
    meaning: 'There is no directory at the journal’s path, or it cannot be read.',
    remedy: 'Check the path and its permissions; see `cause`.',
  },
  CACHETRAIL_JOURNAL_NONE: {
    meaning: 'The path holds no journal.',
    remedy: 'Name the directory with the journal’s segments, files that end in `.ctj`.',
  },
  CACHETRAIL_JOURNAL_VERSION: {
    meaning: 'The journal was written in a format that this version does not know.',
    remedy: 'Use a newer cachetrail.',
  },
  CACHETRAIL_JOURNAL_KEY: {
    meaning:
      'The journal has a key, and the one given is another, or none was; or a key was given for one that has none.',
    remedy: 'Give the key that it was begun with.',
  },
  CACHETRAIL_JOURNAL_DAMAGED: {
    meaning:
      'The journal is damaged or altered where it would have to be whole, or lacks what its cache did without it (`continue`).',
    remedy: 'Run `cachetrail verify`; keep it as it is, and begin another journal.',
  },
  CACHETRAIL_JOURNAL_RANGE: {
    meaning: 'The journal does not hold what is needed to know that moment.',
    remedy: 'Ask for a seq between the first and the last of the journal; older ones may have been deleted.',
  },
  CACHETRAIL_JOURNAL_NO_BYTES: {
    meaning: 'The journal does not hold bytes that are needed: of a write, or of what was on the device before it.',
    remedy:
      'Keep the journal with mode `durable`; give the image as it was when the journal began with `export --base IMAGE`.',
  },
  CACHETRAIL_JOURNAL_DEVICE: {
    meaning: 'The journal is that of another device.',
    remedy: 'Open the device that it belongs to, or choose another directory.',
  },
  CACHETRAIL_JOURNAL_STALE: {
    meaning:
      'The device does not hold bytes that its journal proves to be durable: it is an older copy, or something else has written to it.',
    remedy:
      'Open the device that the journal goes with. If it was changed on purpose, begin another journal, or open it with `journal: { acceptChanged: true }`.',
  },
  CACHETRAIL_JOURNAL_LOCKED: {
    meaning: 'Another cache is writing the journal.',
    remedy: 'Close it first, or choose another directory.',
  },
  CACHETRAIL_JOURNAL_FAILED: {
    meaning: 'The journal could not be written, so what it should hold is not safe.',
    remedy: 'See `cause` for the system’s own error; make room or mend the disk, then open the cache again.',
  },
  CACHETRAIL_JOURNAL_TIMEOUT: {
    meaning:
      'The journal’s disk did not answer a sync in time; the `cause` of a CACHETRAIL_JOURNAL_FAILED. What was acknowledged before is safe; what waited was not.',
    remedy:
      'Look at the disk (does it hang, is it a share that is gone?), then open the cache again; for a disk that is merely slow, raise `journal.syncTimeoutMs`.',
  },
  CACHETRAIL_NO_FILE_SYSTEM: {
    meaning: 'The image holds no ext2, ext3 or ext4 file system that can be mounted.',
    remedy: 'Make one with `mke2fs`, or name another image.',
  },
  CACHETRAIL_MISSING_DEPENDENCY: {
    meaning: 'A package that is needed for this is not installed.',
    remedy: 'Install it; the message names it.',
  },
  CACHETRAIL_COLLECTOR_UNREACHABLE: {
    meaning: 'The collector that spans were to be sent to does not answer.',
    remedy: 'Start it (`scripts/jaeger`), or name another address; sending again is harmless.',
  },
  CACHETRAIL_COLLECTOR_REFUSED: {
    meaning: 'The collector would not take the spans, also when asked again.',
    remedy: 'See what it answered; check the address and the headers it wants. Sending again is harmless.',
  },
  CACHETRAIL_INTERNAL: {
    meaning: 'An assertion failed: a bug in cachetrail. The cache has stopped so as not to corrupt anything.',
    remedy: 'Report it with the message. What was durable is safe on the device.',
  },
} as const satisfies Record<string, { readonly meaning: string; readonly remedy: string }>;

export type ErrorCode = keyof typeof ERROR_CODES;
