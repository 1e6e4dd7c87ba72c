/** A request as a call of `fetch`. */
import { type CopiedRequest, LEFT_OUT } from "./curl";

/** Characters that JSON leaves as they are, but that a terminal would act on or that reorder text on screen. */
const INVISIBLE = /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

export function fetchCall({ method, url, headers, body }: CopiedRequest): string {
  const sent = headers.filter(([name]) => !name.startsWith(":") && !LEFT_OUT.has(name.toLowerCase()));
  const options = {
    ...(method === "GET" ? {} : { method }),
    ...(sent.length === 0 ? {} : { headers: sent }),
    // `fetch` refuses a body with these methods.
    ...(body === undefined || body === "" || method === "GET" || method === "HEAD" ? {} : { body }),
  };
  const more = Object.keys(options).length === 0 ? "" : `, ${literal(options)}`;
  return `await fetch(${literal(url)}${more});`;
}

/** Returns a value as JavaScript in which every character can be seen. */
function literal(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(
    INVISIBLE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
