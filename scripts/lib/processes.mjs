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
