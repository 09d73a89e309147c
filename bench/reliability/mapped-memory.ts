import { readFileSync } from 'node:fs';

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
