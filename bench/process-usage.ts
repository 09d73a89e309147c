import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/**
 * Processor time that a process has used so far, of all its threads, in milliseconds; the kernel counts it in nanoseconds.
 * Linux only.
 */
export function processorTime(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`))
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
  return nanoseconds / 1e6;
}

/** Memory of a process that is resident, in MiB. Linux only. */
export function residentMemory(pid: number): number {
  return statusOf(pid, 'VmRSS');
}

/** The most memory of a process that was resident since `forgetPeak`, in MiB. Linux only. */
export function peakMemory(pid: number): number {
  return statusOf(pid, 'VmHWM');
}

/** Sets what `peakMemory` tells to what is resident now (proc(5), clear_refs). */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

function statusOf(pid: number, field: string): number {
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kibibytes) / 1024;
}

/** Resident MiB of a process by what it is mapped for: `[heap]`, `[anon:...]`, `file`, or `anonymous`, the rest. */
export function mappedMemory(pid: number): Record<string, number> {
  const groups: Record<string, number> = {};
  let group = '';
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'utf8').split('\n')) {
    const [, name] = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \S+\s*(.*)$/.exec(line) ?? [];
    if (name !== undefined) group = name.startsWith('/') ? 'file' : name || 'anonymous';
    const [, kilobytes] = /^Rss:\s+(\d+)/.exec(line) ?? [];
    if (kilobytes) groups[group] = (groups[group] ?? 0) + Number(kilobytes) / 1024;
  }
  return Object.fromEntries(Object.entries(groups).flatMap(([name, megabytes]) => (megabytes < 1 ? [] : [[name, Math.round(megabytes)]])));
}

/** Records the resident memory of a process each second; `stop` returns the MiB. */
export function watchMemory(pid: number): { stop(): number[] } {
  const megabytes: number[] = [];
  const timer = setInterval(() => {
    try {
      megabytes.push(residentMemory(pid));
    } catch {
      // The process has ended, which its starter reports.
    }
  }, 1000);
  return {
    stop: () => {
      clearInterval(timer);
      return megabytes;
    },
  };
}
