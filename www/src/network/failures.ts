/** The reasons of failed requests, in words. */

const WORDS: Record<string, string> = {
  ERR_ABORTED: "the page or the browser cancelled it",
  ERR_ADDRESS_UNREACHABLE: "the server's address cannot be reached",
  ERR_BLOCKED_BY_CLIENT: "an extension or the browser blocked it",
  ERR_BLOCKED_BY_ORB: "the browser blocked it: a page of another origin may not read this type of answer",
  ERR_BLOCKED_BY_RESPONSE: "the answer's headers forbid its use by this page",
  ERR_CACHE_MISS: "it was to come from the cache, which does not contain it",
  ERR_CERT_AUTHORITY_INVALID: "the browser does not trust the authority of the server's certificate",
  ERR_CERT_COMMON_NAME_INVALID: "the server's certificate is for another name",
  ERR_CERT_DATE_INVALID: "the server's certificate has expired or is not valid yet",
  ERR_CONNECTION_CLOSED: "the server closed the connection without an answer",
  ERR_CONNECTION_REFUSED: "no server accepts connections at this address and port",
  ERR_CONNECTION_RESET: "the connection was cut off",
  ERR_CONNECTION_TIMED_OUT: "the server did not accept the connection in time",
  ERR_CONTENT_LENGTH_MISMATCH: "the answer was shorter or longer than its Content-Length",
  ERR_EMPTY_RESPONSE: "the server closed the connection without sending anything",
  ERR_FAILED: "the browser gives no further reason; a refused cross-origin request is a common one",
  ERR_HTTP2_PROTOCOL_ERROR: "the server broke the HTTP/2 protocol or ended the stream",
  ERR_INCOMPLETE_CHUNKED_ENCODING: "the connection ended in the middle of the answer",
  ERR_INTERNET_DISCONNECTED: "the computer has no network connection",
  ERR_INVALID_URL: "the address is not valid",
  ERR_NAME_NOT_RESOLVED: "the host's name cannot be found",
  ERR_NETWORK_CHANGED: "the computer's network changed in the meantime",
  ERR_SSL_PROTOCOL_ERROR: "the server does not speak HTTPS at this port, or not correctly",
  ERR_TIMED_OUT: "there was no answer in time",
  ERR_TOO_MANY_REDIRECTS: "it was redirected too often",
  ERR_TUNNEL_CONNECTION_FAILED: "the proxy refused the connection",
  ERR_UNSAFE_PORT: "the browser does not use this port",
};

const BLOCKED: Record<string, string> = {
  csp: "the page's Content-Security-Policy forbids it",
  "mixed-content": "a page over HTTPS may not load this over HTTP",
  origin: "the page may not read answers of that origin",
  inspector: "it is blocked in the developer tools",
  "subresource-filter": "the browser filters it as an intrusive advertisement",
  "content-type": "the answer's type is not the type that the page needs",
  "coep-frame-resource-needs-coep-header": "the frame lacks a Cross-Origin-Embedder-Policy header",
  "corp-not-same-origin": "its Cross-Origin-Resource-Policy header allows only its own origin",
  "corp-not-same-site": "its Cross-Origin-Resource-Policy header allows only its own site",
};

/** Returns the reason of a failure in words, or null if the browser's name says all that is known. */
export function failureReason(error: string, blockedReason?: string): string | null {
  if (blockedReason !== undefined) return BLOCKED[blockedReason] ?? `blocked: ${blockedReason}`;
  return WORDS[error.replace(/^net::/, "")] ?? null;
}
