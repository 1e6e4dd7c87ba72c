/** The small pieces every detail view is made of. */
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
  const shown = facts.filter(
    (f): f is Fact => f !== null && f[1] !== undefined && f[1] !== null && f[1] !== "",
  );
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
  const some = facts.some((f) => f !== null && f[1] !== undefined && f[1] !== null && f[1] !== "");
  return some ? (
    <Part title={title}>
      <Facts facts={facts} />
    </Part>
  ) : null;
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
