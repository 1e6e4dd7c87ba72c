/** A request: the line, how long its phases took, its headers and bodies, and a command to repeat it. */
import type { Event } from "../../../src/js/types";
import { asArray, asNumber, asObject, asString } from "../data/record";
import { bytes, duration } from "../data/time";
import { Status } from "../list/row";
import { Marked } from "../ui/marked";
import { curlCommand } from "./curl";
import { JsonTree } from "./json";
import { Address, CopyButton, Facts, FilterBy, Part } from "./parts";

type Headers = [name: string, value: string][];

export function NetworkDetail({ event, words }: { event: Event; words: string[] }) {
  const data = asObject(event.data);
  const url = event.url ?? asString(data.url) ?? "";
  const method = asString(data.method) ?? "GET";
  const status = asNumber(data.status);
  const request = headersOf(data.request_headers);
  const response = headersOf(data.response_headers ?? data.headers);
  const requestBody = bodyOf(data.request_body);
  const responseBody = bodyOf(data.response_body ?? data.body);
  const ms = asNumber(data.duration_ms);
  const size = asNumber(data.size) ?? asNumber(data.body_bytes);
  return (
    <>
      <Part
        title="Request"
        aside={
          url === "" ? undefined : (
            <CopyButton
              text={() =>
                curlCommand({
                  method,
                  url,
                  headers: request,
                  ...(requestBody === undefined ? {} : { body: requestBody }),
                })
              }
              label="Copy as curl"
              say="curl command copied"
            />
          )
        }
      >
        <div class="request-line">
          <b class="mono">{method}</b>
          {status === undefined ? null : (
            <FilterBy term={`status:${status}`}>
              <Status status={status} />
            </FilterBy>
          )}
          <Address url={url} />
        </div>
        <Facts
          facts={[
            ["Error", asString(data.error)],
            ["Kind", asString(data.resource_type)],
            ["Size", size === undefined ? undefined : bytes(size)],
            ["From cache", data.from_cache === true ? "yes" : undefined],
            ["Address", asString(data.ip)],
            ["Initiator", asString(data.initiator)],
            ["Redirected to", asString(data.redirect_url)],
          ]}
        />
      </Part>
      {ms === undefined ? null : <Timing ms={ms} phases={data.timing} />}
      <HeaderTable title="Response headers" headers={response} words={words} />
      <HeaderTable title="Request headers" headers={request} words={words} />
      <Body title="Request body" text={requestBody} words={words} />
      <Body title="Response body" text={responseBody} words={words} />
    </>
  );
}

function HeaderTable({ title, headers, words }: { title: string; headers: Headers; words: string[] }) {
  if (headers.length === 0) return null;
  return (
    <Part
      title={title}
      aside={
        <CopyButton
          text={() => headers.map(([n, v]) => `${n}: ${v}`).join("\n")}
          label="Copy"
          say={`${title} copied`}
        />
      }
    >
      <Facts
        facts={headers.map(([name, value]) => [name, <Marked key={name} text={value} words={words} />])}
      />
    </Part>
  );
}

/** Phases by name in order, or one bar when only the whole is known. */
function Timing({ ms, phases }: { ms: number; phases: unknown }) {
  const parts = Object.entries(asObject(phases))
    .map(([name, value]) => ({
      name: name.replace(/_ms$/, "").replaceAll("_", " "),
      ms: asNumber(value) ?? 0,
    }))
    .filter((p) => p.ms > 0);
  const shown = parts.length > 0 ? parts : [{ name: "total", ms }];
  const whole = Math.max(
    ms,
    parts.reduce((sum, p) => sum + p.ms, 0),
    0.001,
  );
  let start = 0;
  return (
    <Part title="Timing" aside={<span class="mono">{duration(ms * 1000)}</span>}>
      <ol class="timing">
        {shown.map((phase) => {
          const left = (start / whole) * 100;
          start += phase.ms;
          return (
            <li key={phase.name}>
              <span>{phase.name}</span>
              <span class="timing-track">
                <span
                  class="timing-bar"
                  style={{ left: `${left}%`, width: `${Math.max((phase.ms / whole) * 100, 0.5)}%` }}
                />
              </span>
              <span class="mono">{duration(phase.ms * 1000)}</span>
            </li>
          );
        })}
      </ol>
    </Part>
  );
}

function Body({ title, text, words }: { title: string; text: string | undefined; words: string[] }) {
  if (text === undefined) return null;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return (
    <Part title={title} aside={<CopyButton text={() => text} label="Copy" say={`${title} copied`} />}>
      {typeof json === "object" && json !== null ? (
        <JsonTree value={json} words={words} />
      ) : (
        <pre class="mono block">
          <Marked text={text} words={words} />
        </pre>
      )}
    </Part>
  );
}

/** Headers come as an object, as pairs, or as `{name, value}`. */
export function headersOf(value: unknown): Headers {
  if (Array.isArray(value)) {
    return value.flatMap((header): Headers => {
      const pair = asArray(header);
      const name = asString(pair[0]) ?? asString(asObject(header).name);
      const text = asString(pair[1]) ?? asString(asObject(header).value);
      return name === undefined ? [] : [[name, text ?? ""]];
    });
  }
  return Object.entries(asObject(value)).flatMap(
    ([name, inner]): Headers =>
      Array.isArray(inner) ? inner.map((v): [string, string] => [name, String(v)]) : [[name, String(inner)]],
  );
}

function bodyOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  const text = asString(asObject(value).text);
  return text ?? JSON.stringify(value);
}
