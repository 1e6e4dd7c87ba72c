/** A page with every key and every kind of filter. */
import { Dialog } from "./ui/dialog";

const KEYS: [string[], string][] = [
  [["j", "k"], "next, previous record"],
  [["enter"], "open or close its details"],
  [["esc"], "close what is open"],
  [["e", "E"], "next, previous error"],
  [["p", "P"], "next, previous problem"],
  [["g g"], "oldest record"],
  [["G"], "newest record, and follow"],
  [["→", "←"], "open, close a fold"],
  [["f"], "fold repeats, or show every record"],
  [["space"], "pause or resume"],
  [["/"], "filter"],
  [["s"], "sessions"],
  [["n"], "requests or events"],
  [["c"], "copy the record as JSON"],
  [["l"], "copy a link to this view"],
  [["t"], "light or dark"],
  [["?"], "this page"],
];

const FILTERS: [string, string][] = [
  ["timeout login", "both words, anywhere in the record"],
  ["severity:warn", "warnings and errors"],
  ["category:console,network", "either of them"],
  ["type:network.*", "by type, * is anything"],
  ["status:4xx,5xx", "HTTP statuses, also 404 or 400..599"],
  ["tab:7  site:localhost", "one tab, one site"],
  ["since:10m  until:1m", "a time before now, or a date"],
  ["-url:*/hot-update*", "all but these"],
];

export function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys and filters" onClose={onClose}>
      <div class="help">
        <dl>
          {KEYS.map(([keys, what]) => (
            <div key={what}>
              <dt>
                {keys.map((key) => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
        <dl>
          {FILTERS.map(([text, what]) => (
            <div key={text}>
              <dt class="mono">{text}</dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
      </div>
    </Dialog>
  );
}
