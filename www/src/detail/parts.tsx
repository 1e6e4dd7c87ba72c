/** The small pieces every detail view is made of. */
import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useViewer } from "../state";
import { Icon } from "../ui/icon";

/** A titled part of the pane. */
export function Part({
  title,
  aside,
  children,
}: {
  title: string;
  aside?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <section class="part">
      <h3>
        {title}
        {aside === undefined ? null : <span class="part-aside">{aside}</span>}
      </h3>
      {children}
    </section>
  );
}

export type Fact = [name: string, value: ComponentChildren];

/** Names and values in two aligned columns; absent values are left out. */
export function Facts({ facts }: { facts: (Fact | null)[] }) {
  const shown = facts.filter(isShown);
  if (shown.length === 0) return null;
  return (
    <dl class="facts">
      {shown.map(([name, value]) => (
        <>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </>
      ))}
    </dl>
  );
}

/** Facts as a part of their own, which is left out when it is empty. */
export function FactsPart({ title, facts }: { title: string; facts: (Fact | null)[] }) {
  return facts.some(isShown) ? (
    <Part title={title}>
      <Facts facts={facts} />
    </Part>
  ) : null;
}

function isShown(fact: Fact | null): fact is Fact {
  return fact !== null && fact[1] !== undefined && fact[1] !== null && fact[1] !== "";
}

/** A button that switches a state on and off. */
export function Toggle({ on, label }: { on: Signal<boolean>; label: string }) {
  return (
    <button type="button" class="button small" aria-pressed={on.value} onClick={() => (on.value = !on.value)}>
      {label}
    </button>
  );
}

/** A value that a click adds to the filter. */
export function FilterBy({ term, children }: { term: string; children: ComponentChildren }) {
  const viewer = useViewer();
  return (
    <button
      type="button"
      class="filter-by"
      title={`Show only ${term}`}
      onClick={() => viewer.view.addTerm(term)}
    >
      {children}
    </button>
  );
}

/** Copies a text, and shows `say` when it is copied. */
export function CopyButton(props: { text: () => string | Promise<string>; label: string; say: string }) {
  const { text, label, say } = props;
  const viewer = useViewer();
  const copy = async () => {
    try {
      await viewer.notices.copy(await text(), say);
    } catch (error) {
      viewer.notices.sayError(error);
    }
  };
  return (
    <button type="button" class="button small" onClick={() => void copy()}>
      <Icon name="copy" />
      {label}
    </button>
  );
}

/** Returns what a field shows that has an error; nothing if it has none. */
export function errorIn(value: unknown): ComponentChildren {
  return typeof value === "string" ? <span class="bad">{value}</span> : undefined;
}

/** Text with letters of one width. */
export function Mono({ children }: { children: ComponentChildren }) {
  return <span class="mono">{children}</span>;
}

/** Returns what a field shows that has an address; nothing if it has none. */
export function addressIn(value: unknown): ComponentChildren {
  return typeof value === "string" ? <Address url={value} /> : undefined;
}

/**
 * An address from a page. Only http and https become links; everything else, `javascript:` above all,
 * stays text.
 */
export function Address({ url }: { url: string }) {
  if (!/^https?:\/\//i.test(url)) return <span class="mono wrap">{url}</span>;
  return (
    <a class="mono wrap" href={url} target="_blank" rel="noopener noreferrer nofollow">
      {url}
    </a>
  );
}
