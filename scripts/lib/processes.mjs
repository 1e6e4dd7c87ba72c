/** Processes of this machine, read from /proc. */
import { readdirSync, readFileSync } from "node:fs";

/** Ids of the processes that `are`. @param {(process: { pid: number, command: string }) => boolean} are */
export function processes(are) {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      try {
        return are({ pid, command: readFileSync(`/proc/${pid}/cmdline`, "utf8") });
      } catch {
        return false; // It has ended meanwhile.
      }
    });
}

/** @param {number} pid @param {number | undefined} ancestor */
export function descends(pid, ancestor) {
  for (let at = pid; at > 1; ) {
    if (at === ancestor) return true;
    const stat = readFileSync(`/proc/${at}/stat`, "utf8");
    at = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  }
  return false;
}

/** Nanoseconds for which the main threads of these processes were on a processor. @param {number[]} pids */
export function mainThreadNanos(pids) {
  return pids.reduce((sum, pid) => {
    try {
      const [nanos] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, "utf8").split(" ");
      return sum + Number(nanos);
    } catch {
      return sum; // It has ended meanwhile.
    }
  }, 0);
}

/** Ticks of /proc in a second; Linux shows user space no other. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
const TICKS_PER_SECOND = 100;

/** Microseconds for which all threads of a process, ended ones included, were on a processor. @param {number} pid */
export function processorMicros(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return ((Number(fields[11]) + Number(fields[12])) * 1_000_000) / TICKS_PER_SECOND;
  } catch {
    return 0; // It has ended meanwhile.
  }
}
