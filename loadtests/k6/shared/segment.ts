/** A shard's part of every scenario, as k6's options say it. The parts of all shards are the whole, and none is in two. */
export interface Segment {
  readonly executionSegment: string;
  readonly executionSegmentSequence: string;
}

/** @param shard from 0 */
export function segmentOf(shard: number, shards: number): Segment {
  if (!Number.isInteger(shard) || shard < 0 || shard >= shards)
    throw new Error(`shard ${shard}: must be a number from 0 to ${shards - 1}`);
  const at = (index: number): string => (index === 0 ? "0" : index === shards ? "1" : `${index}/${shards}`);
  return {
    executionSegment: `${at(shard)}:${at(shard + 1)}`,
    executionSegmentSequence: Array.from({ length: shards + 1 }, (_, index) => at(index)).join(","),
  };
}
