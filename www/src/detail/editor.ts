/**
 * Links that open a place of a source in an editor on this computer, by the address that the editor has registered.
 *
 * A recording names files by their path within a project, so a person says once per site where its project's folder
 * is. A path comes from a page: it is escaped, and one that leaves the folder gives no link.
 */
import { type Signal, signal } from "@preact/signals";

const SETTINGS_KEY = "tabtape.editor";

/** Addresses by editor: `{file}` is an absolute path, with the slash that begins it. */
export const EDITORS: Readonly<Record<string, string>> = {
  "VS Code": "vscode://file{file}:{line}:{column}",
  "VS Code Insiders": "vscode-insiders://file{file}:{line}:{column}",
  VSCodium: "vscodium://file{file}:{line}:{column}",
  Cursor: "cursor://file{file}:{line}:{column}",
  Windsurf: "windsurf://file{file}:{line}:{column}",
  Zed: "zed://file{file}:{line}:{column}",
  WebStorm: "webstorm://open?file={file}&line={line}&column={column}",
  "IntelliJ IDEA": "idea://open?file={file}&line={line}&column={column}",
};
const DEFAULT_EDITOR = "VS Code";

export interface EditorSettings {
  /** A name in {@link EDITORS}. */
  editor: string;
  /** The folder of the project by the site that serves it, `localhost:5173`. */
  folders: Record<string, string>;
}

export interface SourcePlace {
  /** A path in the project, or an absolute one. */
  source: string;
  line: number;
  column: number;
}

const ABSOLUTE = /^(?:[A-Za-z]:)?[/\\]/;

/** Whether a path says by itself where its file is. */
export function isAbsolute(path: string): boolean {
  return ABSOLUTE.test(path);
}

/** Returns the link to a place of a project of `site`, or null while its folder is unknown or the path leaves it. */
export function editorLink(
  { editor, folders }: EditorSettings,
  site: string,
  place: SourcePlace,
): string | null {
  const folder = folders[site];
  const template = Object.hasOwn(EDITORS, editor) ? EDITORS[editor] : undefined;
  if (template === undefined) return null;
  if (!isAbsolute(place.source) && (folder === undefined || !isAbsolute(folder))) return null;
  const path = isAbsolute(place.source) ? place.source : `${folder}/${place.source}`;
  const parts = path.split(/[/\\]+/).filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) return null;
  const file = `/${parts.map((part) => encodeURIComponent(part).replace(/^([A-Za-z])%3A$/, "$1:")).join("/")}`;
  return template
    .replace("{line}", String(place.line))
    .replace("{column}", String(place.column))
    .replace("{file}", () => file);
}

/** The settings of this browser. */
export class Editor {
  readonly settings: Signal<EditorSettings> = signal(stored());

  save(settings: EditorSettings): void {
    this.settings.value = settings;
    localStorage.setItem(SETTINGS_KEY, JSON.stringify(settings));
  }
}

function stored(): EditorSettings {
  const none = { editor: DEFAULT_EDITOR, folders: {} };
  try {
    return { ...none, ...(JSON.parse(localStorage.getItem(SETTINGS_KEY) ?? "{}") as object) };
  } catch {
    return none; // Another version's, or a person's own.
  }
}
