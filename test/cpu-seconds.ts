/**
 * Returns the processor time that the work takes in this process, in s: unlike the time of a clock it hardly depends on the load of the
 * machine.
 */
export async function cpuSecondsOf(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
