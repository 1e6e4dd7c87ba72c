/** Why a row misses its goal, by the row's name: what profiles and trials showed. The report prints those that missed. */

/** @type {[RegExp, string][]} The first that matches counts. */
export const MISSED = [
  [
    /events a second, processor$/,
    "by the processor time of each process (2026-11-30, three runs of 10 s each, over bare): of 73 µs at 10,000 a second, the worker's process takes 28, the page's 16, the collector 16, the browser's 10 and the network process 2. The page makes each line and posts it in the call, because what it logs may change after it, and a crash would take it along; the browser's process passes posts, transactions and frames on. At 1,000 a second most is paid per post, commit and batch, however little they carry: there are 94, 23 and 22 of them a second, and of 390 µs the worker's process takes 160, the browser's 99, the page's 79, the collector 44 and the network process 10. In a profile of the worker at 10,000 a second, a third of its busy time is four of the browser's calls (`put`, `send`, `encrypt`, `transaction`) and garbage collection. Lines wait at most 10 ms for each other in the page (20 and 30 ms were tried: of all that the processes take, bare included, 4 and 2 % less at 1,000 a second, 4 and 12 % at 100); peers keep them there, where a crash takes them.",
  ],
  [
    /page → SSE$/,
    "a line waits up to 10 ms in its page and up to 45 ms for its commit, and its commit and its request take turns with the page itself on two processors. Shorter waits would be more commits and requests, of which the processor's rows count the cost.",
  ],
  [
    /^console\.log.*(processor|mean)/,
    "in a profile a post to the worker takes 240 µs, which is 12 µs for each of 20 calls in a task, and making the line 20 to 30 µs: the line is made in the call, because what the page logs may change after it.",
  ],
  [
    /^console\.log in (the page|that flood), p99$/,
    "the first line after 10 ms of silence, and each 64th line of a flood, is posted to the worker before the call returns, so that a page that hangs right after it does not take it along. That post takes 240 µs in a profile, more if the other process is woken on the same processor. Peers keep lines in the page's memory, where a crash takes them.",
  ],
  [
    /^flood of console\.log/,
    "12 µs for each of 20 calls in a task are the post to the worker, and two processors are shared by the page, the worker that commits meanwhile, the browser and the collector.",
  ],
  [
    /^fetch/,
    "of what is over bare, a profile shows 230 µs for a post to the worker, which peers make once in a while for many requests, 50 to 60 µs for the stack of the call, 50 µs for the event that takes the record to the relay, 20 µs for the absolute address, and, with the details of verbose kept in the page, 50 µs for the clone and the read of the body.",
  ],
  [
    /^ingest 300 B × 100,/,
    "on one connection a batch costs some 1 ms before its first event and 5 to 6 µs for each event, by the rows for batches of 100, 500 and 2,000. Of that 1 ms, 0.4 are a request and its answer even if nothing is stored (`/healthz` on the same connection), and 0.3 the sync of 40 KB to this disk. In a profile the system takes 48 % of the collector's processor time, and SQLite and our own code 45 %. A recorder's batches grow to 2,000 under load.",
  ],
  [
    /^durable 1 KB lines/,
    "the same bytes by the same requests as a commit of the log (`same_requests`) are faster than the floor's one put, because Chromium writes a value above 64 KiB compressed into a file of its own. What the log takes beyond them is mostly the publish of the same events, by its rows: both take turns on one thread.",
  ],
  [
    /^recovery/,
    "the time does not depend on what is stored. By the steps of a worker's start some 20 ms of it are fetch and compile of the wasm, and 16 ms are the opening of the database.",
  ],
  [
    /^worker start/,
    "in a timeline of one start: 14 ms until the browser runs the script, 12 for the script and its listeners, 27 for the settings and the fetch and compile of the wasm, 13 for its instance and the rules of redaction, 11 for the database and the head of the session, 10 for the first line, and 20 for its commit, while the worker also sets the icon of the toolbar. To request the wasm and the database before the settings are read, and to leave the icon as it is, gained less than the row differs from run to run (91, 111 and 111 ms without, 92, 100 and 118 ms with both).",
  ],
  [
    /^publish/,
    "the floor stringifies and encodes the same event. In a profile (2026-11-30, Node) the core takes 0.8 µs for an event that fits a template, half of it to compare and copy bytes. Redaction adds 1.3, two thirds of it in one pass over `data`. Some 0.7 µs over the floor are in neither: each line is written to memory that the processor's cache does not hold, in a ring of 4,096 lines; with one of 64 a publish took 0.3 µs less.",
  ],
  [
    /^wasm/,
    "it is the amount of code: optimised for size alone the core still has 238 KB. The room is taken by the asynchronous work of log and delivery, the parsers of redaction and selectors, and the reading of the config.",
  ],
  [
    /^cursor read/,
    "a read of 100 records at 1 M took 155 KB from the disk. A mapped file was tried (2026-11-29): around each page that the cache lacks, the system then reads 2.5 MB, ten times as much in all. At 1 M the cold median was 0.9 ms with it and the p99 22 (6.7 without), at 10 M the median 4.8 and the p99 28 (7.3 without), and a mapped page that is no longer in the file would end the process.",
  ],
  [
    /^diagnose/,
    "it reads up to 2,000 errors and 500 warnings, and what came before each. Between 10 k and 1 M events that bound is reached; beyond it the time hardly grows.",
  ],
  [
    /^viewer, first rows$/,
    "the floor is the page without any data: loaded, compiled and painted. After that come the token, the newest 200 records, and the first rendering of the rows: 60 ms of the page's thread in a profile, of which 26 are the first layout.",
  ],
];
