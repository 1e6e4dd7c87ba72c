/** The choice of the editor that opens places of sources, and of a site's project folder. */
import { useSignal } from "@preact/signals";
import { useViewer } from "../state";
import { Dialog } from "../ui/dialog";
import { EDITORS, editorLink, isAbsolute, type SourcePlace } from "./editor";
import "./editor.css";

/** `place` is opened once its project is known; without one, only the settings change. */
export function EditorDialog(props: { site: string; place: SourcePlace; onClose: () => void }) {
  const { site, place, onClose } = props;
  const { editor } = useViewer();
  const name = useSignal(editor.settings.value.editor);
  const folder = useSignal(editor.settings.value.folders[site] ?? "");
  const error = useSignal("");
  const submit = (event: Event) => {
    event.preventDefault();
    const path = folder.value.trim();
    if (path !== "" && !isAbsolute(path)) {
      error.value = "The folder must be a whole path, such as /home/me/shop or C:\\work\\shop.";
      return;
    }
    const { [site]: _, ...others } = editor.settings.value.folders;
    editor.save({ editor: name.value, folders: path === "" ? others : { ...others, [site]: path } });
    const link = editorLink(editor.settings.value, site, place);
    if (link === null) {
      error.value = `Enter the folder that contains ${place.source}.`;
      return;
    }
    onClose();
    location.assign(link);
  };
  return (
    <Dialog title="Open in an editor" onClose={onClose}>
      <form class="editor-form" onSubmit={submit}>
        <label>
          Editor
          <select value={name.value} onChange={(event) => (name.value = event.currentTarget.value)}>
            {Object.keys(EDITORS).map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <label>
          Folder of the project at {site}
          <input
            type="text"
            class="mono"
            value={folder.value}
            placeholder="/home/me/shop"
            spellcheck={false}
            aria-invalid={error.value !== ""}
            aria-describedby="editor-about"
            onInput={(event) => (folder.value = event.currentTarget.value)}
          />
        </label>
        <p id="editor-about" role="status" class={error.value === "" ? undefined : "bad"}>
          {error.value === ""
            ? `It contains ${place.source}. This browser stores the folder, and sends it nowhere.`
            : error.value}
        </p>
        <button type="submit" class="button primary">
          Open line {place.line}
        </button>
      </form>
    </Dialog>
  );
}
