/**
 * Notices that the page writes its document anew, before any script of the new content runs.
 *
 * `document.open()` removes every listener from the window and the document, and `document.write()` opens a document
 * that has been read to its end. The scripts that it brings run before it returns, so a microtask comes too late.
 * https://html.spec.whatwg.org/multipage/dynamic-markup-insertion.html#document-open-steps
 */
import { both, type Mask, type StandIn, type Undo } from "./mask.ts";
import { apply, getterOf, NONE, read } from "./natives.ts";

const currentScript = getterOf(Document.prototype, "currentScript");
const { write } = Document.prototype;

/** Calls `onRewritten` when listeners may have been removed; the answer gives the page its own methods back. */
export function watchRewriting(mask: Mask, onRewritten: () => void): Undo | null {
  const undoOpen = mask.replace(Document.prototype, "open", (native, self, args) => {
    const opened = apply(native, self, args as never);
    onRewritten();
    return opened;
  });
  const undoWrite = mask.replace(Document.prototype, "write", writing(onRewritten));
  const undoWriteln = mask.replace(Document.prototype, "writeln", writing(onRewritten));
  return both(undoOpen, both(undoWrite, undoWriteln));
}

function writing(onRewritten: () => void): StandIn {
  return (native, self, args) => {
    // A script of the document writes at its own place or is ignored: it does not open the document.
    if (read(currentScript, self) === null) {
      // Without text it opens the document, if the call would do so, and inserts nothing; `writeln` would.
      apply(write, self as Document, NONE);
      onRewritten();
    }
    return apply(native, self, args as never);
  };
}
