/**
 * A page's own `fetch` and `XMLHttpRequest` behave as without recording, also where a page is made to notice.
 *
 * Each page reports what it saw as `window.seen`. The browser without the extension says what is right. Many checks
 * are those of the web platform tests, https://github.com/web-platform-tests/wpt/tree/master/fetch/api and `/xhr`.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sharedBareBrowser } from "./fixtures/browser.mjs";
import { scripted } from "./fixtures/pages.mjs";
import { sharedRig } from "./fixtures/rig.mjs";
import { acceptWebSockets } from "./fixtures/sockets.mjs";

/** In front of each page: `said` is an error as a string. */
const TOOLS = `
  const said = (error) => error instanceof Error || error instanceof DOMException ? error.name + ": " + error.message : String(error);
  const tried = async (make) => { try { return await make(); } catch (error) { return said(error); } };
  // Calls for which the engine reports that a function is no constructor, no iterable, no data.
  const ODD = [(fn) => new fn(), (fn) => { class Mine extends fn {} }, (fn) => Reflect.construct(fn, []), (fn) => Reflect.construct(Object, [], fn), (fn) => ({}) instanceof fn, (fn) => [...fn],
    (fn) => structuredClone(fn), (fn) => history.pushState(fn, ""), (fn) => { "use strict"; fn.name = "mine"; }, (fn) => "x" in String(fn), (fn) => fn.x.y];
  const flagsOf = (owner, name) => { const { value, get, set, ...flags } = Object.getOwnPropertyDescriptor(owner, name); return { ...flags, value: typeof value, get: typeof get, set: typeof set }; };
`;

/** Bodies of async functions; each leaves what it saw in `seen`. */
const HOSTILE = {
  identity: `
    const show = (fn) => fn === undefined ? null : [fn.name, fn.length, fn.toString(), String(fn), Function.prototype.toString.call(fn),
      Object.getOwnPropertyNames(fn), "prototype" in fn, Object.getPrototypeOf(fn) === Function.prototype];
    seen.fetch = [show(fetch), flagsOf(window, "fetch"), window.fetch === fetch, fetch === globalThis.fetch];
    for (const [name, owner] of [["Response", Response.prototype], ["Xhr", XMLHttpRequest.prototype]]) {
      seen[name] = Object.getOwnPropertyNames(owner);
      for (const key of seen[name]) {
        const { value, get, set } = Object.getOwnPropertyDescriptor(owner, key);
        seen[name + "." + key] = [flagsOf(owner, key), ...[value, get, set].map((fn) => typeof fn === "function" ? show(fn) : null)];
        for (const fn of [value, get]) if (typeof fn === "function" && key !== "constructor") {
          try { seen[name + "." + key].push(said(await fn.call({}))); } catch (error) { seen[name + "." + key].push(said(error)); }
          for (const odd of ODD) seen[name + "." + key].push(await tried(() => odd(fn)));
        }
      }
    }
    for (const odd of ODD) seen.fetch.push(await tried(() => odd(fetch)));
    try { new fetch("/json"); } catch (error) { seen.fetch.push(said(error)); }
    seen.bad = [];
    for (const bad of [() => fetch.call(1, "/json"), () => fetch("http://["), () => fetch("http://a:b@c/"), () => fetch(Symbol("s")), () => fetch("/json", 1), () => fetch("/json", { method: "CONNECT" }), () => fetch("/json", { body: "b" }), () => fetch("/json", { signal: {} }),
      () => fetch("/json", { signal: AbortSignal.abort() }), () => new XMLHttpRequest().send(), () => new XMLHttpRequest().open("GET"), () => new XMLHttpRequest().open("CONNECT", "/"), () => new XMLHttpRequest().open("GET", "http://[")]) seen.bad.push(await tried(bad));
    seen.fetch.push(await tried(() => fetch()), await tried(() => fetch.call({}, "/json")), await tried(() => (0, fetch)("/json").then((r) => r.status)));
    seen.fetch.push(fetch("/json") instanceof Promise, Object.getOwnPropertyNames(fetch("/json")), fetch("/json").constructor === Promise);
    seen.globals = Object.getOwnPropertyNames(window).filter((name) => name !== "seen").sort().join();`,
  aborts: `
    const order = [];
    const before = new AbortController(); before.abort();
    await Promise.all([fetch("/json", { signal: before.signal }).catch((error) => order.push(said(error))), Promise.resolve().then(() => order.push("next"))]);
    await Promise.all([fetch(new Request("/json", { signal: before.signal })).catch((error) => order.push(said(error))), Promise.resolve().then(() => order.push("next"))]);
    const at = new AbortController(); const pending = fetch("/slow", { signal: at.signal }); const caught = pending.catch((error) => order.push(said(error)));
    at.abort(); await Promise.all([caught, Promise.resolve().then(() => order.push("next"))]);
    const reason = { mine: true }; const own = new AbortController(); const withReason = fetch("/slow", { signal: own.signal }); own.abort(reason);
    order.push(await withReason.catch((error) => error === reason));
    for (const path of ["/open?json", "/open-500"]) {
      const late = new AbortController(); const response = await fetch(path, { signal: late.signal });
      order.push(response.status, response.ok);
      const text = response.text(); late.abort(); order.push(await tried(() => text), response.bodyUsed);
    }
    for (const path of ["/open?json", "/open-500"]) {
      const late = new AbortController(); const response = await fetch(path, { signal: late.signal });
      const reader = response.body.getReader(); const first = await reader.read(); order.push(new TextDecoder().decode(first.value));
      late.abort(); order.push(await tried(() => reader.read()), await tried(() => reader.closed), response.body.locked);
    }
    const timeout = await tried(() => fetch("/slow", { signal: AbortSignal.timeout(1) })); order.push(timeout);
    seen.order = order;`,
  rejections: `
    const events = []; seen.events = events; const names = new Map();
    addEventListener("unhandledrejection", (event) => { events.push([names.get(event.promise), said(event.reason)]); event.preventDefault(); });
    addEventListener("rejectionhandled", (event) => events.push(["handled", names.get(event.promise)]));
    const dead = "/reset";
    names.set(fetch(dead), "bare");
    const caught = fetch(dead); names.set(caught, "caught"); caught.catch(() => {});
    const awaited = fetch(dead); names.set(awaited, "awaited"); await tried(() => awaited);
    const derived = fetch(dead); names.set(derived, "root"); names.set(derived.then(() => {}), "derived");
    const late = fetch(dead); names.set(late, "late"); await new Promise((next) => addEventListener("unhandledrejection", function wait(event) { if (event.promise === late) { removeEventListener("unhandledrejection", wait); setTimeout(next); } }));
    late.catch(() => {});
    names.set((await fetch("/cut-500")).text(), "body");
    const all = ["bare", "derived", "late", "handled", "body"]; for (const late = Date.now() + 10_000; Date.now() < late && !all.every((name) => events.some(([first]) => first === name)); ) await new Promise((next) => setTimeout(next, 5));
    await new Promise((next) => setTimeout(next, 50));
    events.sort();`,
  ticks: `
    const ticks = async (promise) => { let count = 0; let over = false; promise.then(() => { over = true; }, () => { over = true; }); while (!over) { await null; count++; if (count > 50) break; } return count; };
    const signal = AbortSignal.abort();
    seen.rejected = await ticks(fetch("/json", { signal }));
    seen.same = await (async () => { const p = fetch("/json"); return [p === Promise.resolve(p), (await Promise.all([p, p])).every((r, _, all) => r === all[0])]; })();
    const controller = new AbortController(); const p = fetch("/slow", { signal: controller.signal }); controller.abort(); seen.aborted = await ticks(p);`,
  streams: `
    const out = []; seen.out = out;
    for (const path of ["/json", "/fail"]) {
      const plain = await fetch(path); out.push(plain.ok, plain.status, plain.statusText, plain.body === plain.body, plain.body.locked, plain.bodyUsed);
      const json = plain.json(); out.push(plain.bodyUsed, plain.body.locked, await json, await tried(() => plain.text()), await tried(() => plain.clone()));
      const cloned = await fetch(path); const copy = cloned.clone(); out.push(copy instanceof Response, copy.status, copy.url === cloned.url, await copy.text() === await cloned.text());
      const held = await fetch(path); const stream = held.body; out.push(held.status, stream === held.body);
      const [one, two] = stream.tee(); out.push(await new Response(one).text() === await new Response(two).text(), held.bodyUsed, stream.locked);
      const read = await fetch(path); const reader = read.body.getReader(); out.push(read.status, read.bodyUsed, read.body.locked, await tried(() => read.clone()), await tried(() => read.text()));
      let text = ""; for (;;) { const { done, value } = await reader.read(); if (done) break; text += new TextDecoder().decode(value); } out.push(text, read.bodyUsed);
      const canceled = await fetch(path); out.push(canceled.ok, await canceled.body.cancel("enough"), canceled.bodyUsed, await tried(() => canceled.text()));
      const bytes = await fetch(path); out.push(bytes.ok, await tried(async () => { const byob = bytes.body.getReader({ mode: "byob" }); const { value } = await byob.read(new Uint8Array(4)); return new TextDecoder().decode(value); }));
      const piped = await fetch(path); out.push(piped.ok, await new Response(piped.body.pipeThrough(new TextDecoderStream()).pipeThrough(new TextEncoderStream())).text());
      for (const name of ["arrayBuffer", "blob", "bytes", "formData"]) { const body = await fetch(path); void body.status; out.push(await tried(async () => { const value = await body[name](); return [value.constructor.name, value.byteLength ?? value.size]; })); }
      for (const method of ["text", "json"]) { const unlooked = await fetch(path); out.push(await unlooked[method]()); }
    }
    const stream = await fetch("/open-500"); out.push(stream.status); const reader = stream.body.getReader(); out.push(new TextDecoder().decode((await reader.read()).value)); await reader.cancel(); out.push((await reader.read()).done);
    const big = await fetch("/big-500"); out.push(big.ok, (await big.text()).length);
    const empty = await fetch("/empty-500"); out.push(empty.ok, empty.body === null, await empty.text());
    const cut = await fetch("/cut-500"); out.push(cut.ok, await tried(() => cut.text()));
    const none = await fetch("/204"); out.push(none.status, none.body, await none.text());
    out.push((await fetch("/fail", { method: "HEAD" })).status);`,
  responses: `
    class Mine extends Response { get ok() { return "mine"; } text() { return super.text().then((text) => "mine " + text); } }
    const mine = new Mine("x", { status: 503, headers: { "content-type": "text/plain" } });
    seen.mine = [mine.ok, mine.status, mine.statusText, mine instanceof Response, mine.clone() instanceof Mine, await mine.text(), mine.bodyUsed];
    const bare = new Response("y", { status: 500 }); seen.bare = [bare.ok, bare.url, bare.type, await bare.clone().text(), await bare.text()];
    seen.json = await Response.json({ a: 1 }, { status: 404 }).json();
    const error = Response.error(); seen.error = [error.type, error.status, error.ok, error.body];
    seen.redirect = Response.redirect("/json", 301).status;
    const hop = await fetch("/hop"); seen.hop = [hop.redirected, hop.status, new URL(hop.url).pathname, await hop.text()];
    const manual = await fetch("/hop", { redirect: "manual" }); seen.manual = [manual.type, manual.status, manual.url === "" ? "" : new URL(manual.url).pathname];
    seen.refused = await tried(() => fetch("/hop", { redirect: "error" }));
    const foreign = location.origin.replace("127.0.0.1", "localhost");
    const opaque = await fetch(foreign + "/fail", { mode: "no-cors" }); seen.opaque = [opaque.type, opaque.status, opaque.ok, opaque.body, await opaque.text()];
    seen.cors = await tried(() => fetch(foreign + "/fail"));
    const frame = document.createElement("iframe"); document.documentElement.append(frame);
    const inner = await frame.contentWindow.fetch("/fail"); seen.frame = [inner instanceof Response, Response.prototype.text.call(inner) instanceof Promise];
    seen.reflected = [Reflect.get(Response.prototype, "status", await fetch("/fail")), await Reflect.apply(Response.prototype.text, await fetch("/fail"), [])];
    const cache = await caches.open("c").catch(() => null); if (cache) { await cache.put("/json", await fetch("/json")); seen.cached = await (await cache.match("/json")).json(); }`,
  requests: `
    const echo = async (...args) => { const got = await (await fetch(...args)).json(); return got; };
    const post = new Request("/echo", { method: "POST", body: "of a request", headers: { "x-mine": "1" } });
    seen.request = await echo(post); seen.used = [post.bodyUsed, await tried(() => fetch(post))];
    class Mine extends Request { get method() { return "DELETE"; } }
    seen.subclass = await echo(new Mine("/echo", { method: "PUT" }));
    seen.overridden = await echo(new Request("/echo"), { method: "PATCH", body: "p" });
    seen.lower = [await echo("/echo", { method: "post" }), await echo("/echo", { method: "Delete" }), await tried(() => fetch("/echo", { method: "TRACE" }))];
    seen.url = await echo(new URL("/echo?u", location)); seen.object = await echo({ toString: () => "/echo?o" }); seen.number = (await fetch(404)).status;
    seen.form = (await echo("/echo", { method: "POST", body: new URLSearchParams("a=1&b=2") })).body;
    seen.blob = (await echo("/echo", { method: "POST", body: new Blob(["blob"]) })).body;
    seen.stream = await tried(async () => (await fetch("/echo", { method: "POST", duplex: "half", body: new Blob(["s"]).stream() })).status);
    const ran = []; seen.ran = ran;
    const init = { get method() { ran.push("method"); return "POST"; }, get body() { ran.push("body"); return "got"; }, get signal() { ran.push("signal"); return null; } };
    seen.getters = await echo("/echo", init);
    const watching = new Proxy({}, { get: (_, trap) => (...args) => { ran.push(trap + " " + String(args[1])); return Reflect[trap](...args); } });
    seen.proxied = await echo(new Proxy({ toString() { return "/echo?p"; } }, watching), new Proxy({ method: "PUT" }, watching));
    seen.inherited = await echo("/echo", Object.create({ method: "PUT", body: "inherited" }));
    seen.keepalive = await echo("/echo", { method: "POST", body: "kept", keepalive: true });
    document.cookie = "crumb=1"; seen.cookies = [(await echo("/echo", { credentials: "omit" })).cookie, (await echo("/echo", { credentials: "same-origin" })).cookie, (await echo("/echo", { credentials: "include" })).cookie];
    seen.odd = [await tried(() => fetch("http://user:pass@" + location.host + "/echo")), await tried(() => fetch("http://[")), await tried(() => fetch("data:text/plain,hi").then((r) => r.text())), await tried(() => fetch(URL.createObjectURL(new Blob(["blob"]))).then((r) => r.text()))];
    seen.base = await (async () => { const base = document.createElement("base"); base.href = "/deep/"; document.head.append(base); const { status, url } = await fetch("missing"); base.remove(); return [status, new URL(url).pathname]; })();`,
  xhr: `
    const run = (path, set = () => {}, method = "GET") => new Promise((done) => {
      const xhr = new XMLHttpRequest(); const events = [];
      for (const type of ["readystatechange", "loadstart", "load", "error", "abort", "timeout", "loadend"]) xhr.addEventListener(type, () => events.push(type + " " + xhr.readyState));
      xhr.addEventListener("loadend", () => done([events, xhr.status, xhr.statusText, xhr.responseType, kindOf(xhr.response), new URL(xhr.responseURL || location.href).pathname, xhr.getResponseHeader("content-type")]));
      xhr.open(method, path); set(xhr); xhr.send();
    });
    const kindOf = (value) => value === null ? null : typeof value === "string" ? value : [value.constructor.name, value.byteLength ?? value.size ?? JSON.stringify(value)];
    for (const path of ["/json", "/fail"]) for (const type of ["", "text", "json", "arraybuffer", "blob", "document"]) seen[path + type] = await run(path, (xhr) => { xhr.responseType = type; });
    seen.reset = await run("/reset"); seen.hop = await run("/hop"); seen.aborted = await run("/slow", (xhr) => setTimeout(() => xhr.abort()));
    seen.timeout = await run("/slow", (xhr) => { xhr.timeout = 1; }); seen.mime = await run("/fail", (xhr) => xhr.overrideMimeType("text/xml; charset=latin1"));
    seen.same = await new Promise((done) => { const xhr = new XMLHttpRequest(); xhr.open("GET", "/fail"); xhr.responseType = "json"; let first; xhr.onload = () => { first = xhr.response; first.added = 1; }; xhr.onloadend = () => done([xhr.response === first, JSON.stringify(xhr.response)]); xhr.send(); });
    seen.detached = await new Promise((done) => { const xhr = new XMLHttpRequest(); xhr.open("GET", "/fail"); xhr.responseType = "arraybuffer"; xhr.onload = () => { const { response } = xhr; structuredClone(response, { transfer: [response] }); done([response.byteLength, xhr.response === response]); }; xhr.send(); });
    seen.again = await new Promise((done) => { const xhr = new XMLHttpRequest(); const got = []; xhr.onload = () => { got.push(xhr.responseText); if (got.length === 2) done(got); else { xhr.open("GET", "/json"); xhr.send(); } }; xhr.open("GET", "/fail"); xhr.send(); });
    const sync = new XMLHttpRequest(); const order = []; sync.onload = () => order.push("load"); sync.onreadystatechange = () => order.push(sync.readyState); sync.open("POST", "/fail", false); order.push("opened"); sync.send("x"); order.push("sent", sync.status, sync.responseText); seen.sync = order;
    const broken = new XMLHttpRequest(); broken.open("GET", "/reset", false); try { broken.send(); } catch (error) { seen.broken = said(error); }
    class Mine extends XMLHttpRequest { open(...args) { this.mine = args; return super.open(...args); } get status() { return "mine " + super.status; } }
    const mine = new Mine(); mine.open("GET", "/fail"); seen.mine = await new Promise((done) => { mine.onload = () => done([mine.mine, mine.status, mine instanceof XMLHttpRequest, Object.getOwnPropertyNames(mine).length]); mine.send(); });
    const states = []; const unsent = new XMLHttpRequest(); try { unsent.send(); } catch (error) { states.push(said(error)); } try { unsent.open("A B", "/json"); } catch (error) { states.push(said(error)); } try { unsent.open("GET", "http://["); } catch (error) { states.push(said(error)); } try { unsent.open("GET"); } catch (error) { states.push(said(error)); } states.push(unsent.open("get", "/json"), unsent.readyState, await tried(() => unsent.send())); seen.states = states;
    const ran = []; const odd = new XMLHttpRequest(); odd.open({ toString() { ran.push("method"); return "PUT"; } }, { toString() { ran.push("url"); return "/echo"; } }); seen.odd = await new Promise((done) => { odd.onload = () => done([JSON.parse(odd.responseText).method, ran]); odd.send(); });
    const watched = new Proxy(new XMLHttpRequest(), {}); try { watched.open("GET", "/json"); } catch (error) { seen.proxied = said(error); }
    seen.upload = await new Promise((done) => { const xhr = new XMLHttpRequest(); const events = []; xhr.upload.onload = () => events.push("uploaded"); xhr.onload = () => done([events, JSON.parse(xhr.responseText).body]); xhr.open("POST", "/echo"); xhr.send("up"); });
    seen.partly = await new Promise((done) => { const xhr = new XMLHttpRequest(); const states = []; xhr.onreadystatechange = () => { states.push(xhr.readyState); if (xhr.readyState === 2) { xhr.abort(); done([states, xhr.readyState, xhr.status]); } }; xhr.open("GET", "/open-500"); xhr.send(); });`,
  sockets: `
    const address = location.origin.replace("http", "ws") + "/socket";
    const show = (fn) => [fn.name, fn.length, fn.toString(), String(fn), Object.getOwnPropertyNames(fn), "prototype" in fn, Object.getPrototypeOf(fn).name];
    for (const name of ["WebSocket", "EventSource"]) {
      const Native = window[name]; const { prototype } = Native;
      const odd = [() => Native(address), () => new Native(), () => new Native("http://["), () => new Native(address, ["a", "a"]), () => Native.call({}, address)];
      seen[name] = [show(Native), flagsOf(window, name), Object.entries(Native), Reflect.ownKeys(Native).map((key) => [String(key), flagsOf(Native, key)]), prototype.constructor === Native, flagsOf(prototype, "constructor"),
        Object.getOwnPropertyNames(prototype), Native.CONNECTING, Native.OPEN, Native[Symbol.hasInstance] === Function.prototype[Symbol.hasInstance], Object.isExtensible(Native)];
      for (const make of odd) { try { make(); seen[name].push("made"); } catch (error) { seen[name].push(said(error), error instanceof DOMException); } }
      for (const key of seen[name][6]) { const { value, get, set } = Object.getOwnPropertyDescriptor(prototype, key); seen[name + "." + key] = [flagsOf(prototype, key), ...[value, get, set].map((fn) => typeof fn === "function" ? show(fn) : null)]; }
      Native.mine = 1; seen[name].push(Native.mine, Object.getOwnPropertyNames(Native), delete Native.mine);
      class Mine extends Native { constructor(...args) { super(...args); this.made = new.target === Mine; } get url() { return "mine " + super.url; } }
      const mine = new Mine(name === "WebSocket" ? address : "/json"); seen[name].push(mine.made, mine instanceof Mine, mine instanceof Native, Object.getPrototypeOf(Mine) === Native, mine.constructor === Mine, mine.url.slice(0, 5), Object.getOwnPropertyNames(mine)); mine.close();
      const reflected = Reflect.construct(Native, [name === "WebSocket" ? address : "/json"], Date); seen[name].push(reflected instanceof Date, reflected instanceof Native, Object.prototype.toString.call(reflected)); prototype.close.call(reflected);
      const plain = new Native(name === "WebSocket" ? address : "/json"); seen[name].push(plain.constructor === Native, plain instanceof EventTarget, Object.prototype.toString.call(plain), Object.getOwnPropertyNames(plain), plain.readyState, Object.getPrototypeOf(plain) === prototype); plain.close();
    }
    seen.beacon = [show(navigator.sendBeacon), flagsOf(Navigator.prototype, "sendBeacon"), navigator.sendBeacon("/echo", "x"), await tried(() => navigator.sendBeacon()), await tried(() => navigator.sendBeacon.call({}, "/echo")), await tried(() => navigator.sendBeacon("http://[")), await tried(() => navigator.sendBeacon("data:,x"))];
    try { new navigator.sendBeacon("/echo"); } catch (error) { seen.beacon.push(error.name); }
    const order = []; seen.order = order; const ran = [];
    await new Promise((done) => {
      const socket = new WebSocket(address); order.push(socket.readyState, socket.binaryType, socket.onmessage);
      socket.addEventListener("open", () => { order.push("first open"); Promise.resolve().then(() => order.push("microtask")); }); socket.onopen = (event) => { order.push("open", event.isTrusted, event.eventPhase, socket.protocol); socket.send("one"); order.push(await0(socket.send({ toString() { ran.push("text"); return "two"; } })), socket.bufferedAmount > 0); };
      const await0 = (value) => value;
      try { socket.send("early"); } catch (error) { order.push(said(error)); }
      socket.addEventListener("message", ({ data }) => { order.push("listener " + data); if (data === "two") { socket.dispatchEvent(new MessageEvent("message", { data: "forged" })); socket.close(3000, "mine"); order.push(socket.readyState, socket.send("late")); } });
      socket.onmessage = ({ data }) => order.push("handler " + data);
      socket.onclose = ({ code, reason, wasClean }) => { order.push(code, reason, wasClean, socket.readyState); done(); };
      socket.onerror = () => order.push("error");
    });
    order.push(ran, await tried(() => new WebSocket(address).close(1)), await tried(() => WebSocket.prototype.send.call({}, "x")), await tried(() => { const socket = new WebSocket(address); socket.close(); return socket.send(); }));
    await new Promise((done) => { const socket = new WebSocket(address.replace("socket", "refused")); socket.onerror = () => order.push("refused"); socket.onclose = ({ code, wasClean }) => { order.push(code, wasClean); done(); }; });
    await new Promise((done) => { const source = new EventSource("/events"); source.addEventListener("named", ({ data, type, lastEventId }) => order.push(type, data, lastEventId)); source.onmessage = ({ data, origin }) => { order.push(data, origin === location.origin, source.readyState); source.close(); done(); }; });
    seen.asked = []; const apply = Reflect.apply;
    for (const [owner, names] of [[EventTarget.prototype, ["addEventListener"]], [WeakMap.prototype, ["get", "set"]], [Reflect, ["construct", "apply"]]]) for (const name of names) { const original = owner[name]; owner[name] = function (...args) { seen.asked.push(name); return apply(original, this, args); }; }
    for (const name of ["url", "readyState"]) { const original = Object.getOwnPropertyDescriptor(WebSocket.prototype, name); Object.defineProperty(WebSocket.prototype, name, { ...original, get() { seen.asked.push(name); return apply(original.get, this, []); } }); }
    Object.defineProperty(Object.prototype, "apply", { __proto__: null, get() { seen.asked.push("trap"); }, configurable: true });
    const last = new WebSocket(address); await new Promise((done) => { last.onopen = () => { last.send(new Uint8Array([104, 105])); last.close(); }; last.onclose = done; }); delete Object.prototype.apply;`,
  builtins: `
    seen.calls = []; let armed = false; const apply = Reflect.apply; const push = Array.prototype.push;
    const note = (name) => { if (armed) apply(push, seen.calls, [name]); };
    const count = (owner, name, label) => { const original = owner[name]; owner[name] = function (...args) { note(label); return apply(original, this, args); }; };
    for (const [owner, label, names] of [[Promise.prototype, "Promise", ["catch", "finally"]], [Promise, "Promise", ["resolve", "all"]], [Response.prototype, "Response", ["clone", "text", "json", "arrayBuffer", "blob"]],
      [Headers.prototype, "Headers", ["get", "has", "entries"]], [ReadableStream.prototype, "Stream", ["getReader", "tee", "cancel"]], [ReadableStreamDefaultReader.prototype, "Reader", ["read", "cancel", "releaseLock"]],
      [TextDecoder.prototype, "Decoder", ["decode"]], [TextEncoder.prototype, "Encoder", ["encode", "encodeInto"]], [WeakSet.prototype, "WeakSet", ["has", "add"]], [WeakMap.prototype, "WeakMap", ["get", "set", "has"]],
      [String.prototype, "String", ["toUpperCase", "toLowerCase", "indexOf", "startsWith", "slice"]], [RegExp.prototype, "RegExp", ["exec", "test"]], [Array.prototype, "Array", ["push", "slice", "join"]], [Function.prototype, "Function", ["toString", "call", "apply"]],
      [XMLHttpRequest.prototype, "Xhr", ["getResponseHeader", "getAllResponseHeaders"]], [EventTarget.prototype, "EventTarget", ["addEventListener", "dispatchEvent"]], [window, "window", ["setTimeout", "clearTimeout", "queueMicrotask"]], [Date, "Date", ["now"]], [Performance.prototype, "Performance", ["now"]]])
      for (const name of names) count(owner, name, label + "." + name);
    for (const [owner, name] of [[Response.prototype, "url"], [Response.prototype, "status"], [Response.prototype, "headers"], [Response.prototype, "body"], [Request.prototype, "url"], [Request.prototype, "method"], [URL.prototype, "href"], [Node.prototype, "baseURI"], [AbortSignal.prototype, "aborted"], [XMLHttpRequest.prototype, "status"], [XMLHttpRequest.prototype, "response"], [XMLHttpRequest.prototype, "responseText"], [Event.prototype, "currentTarget"]]) {
      const original = Object.getOwnPropertyDescriptor(owner, name); Object.defineProperty(owner, name, { ...original, get() { note("get " + name); return apply(original.get, this, []); } });
    }
    const NativeURL = URL; window.URL = function (...args) { note("URL"); return new NativeURL(...args); };
    const traps = ["get", "set", "value", "method", "signal", "stream", "next", "call"];
    for (const name of traps) Object.defineProperty(Object.prototype, name, { __proto__: null, get() { note("Object.prototype." + name); }, set() { note("set " + name); }, configurable: true });
    const done = (async () => {
      armed = true; const failed = await fetch(new Request("/fail")); armed = false; const { ok } = failed; armed = true; void ok; armed = false;
      const text = Object.getOwnPropertyDescriptor(Response.prototype, "text").value;
      armed = true; fetch("/fail", { method: "POST" }); armed = false;
      const xhr = new XMLHttpRequest(); await new Promise((next) => { xhr.onloadend = () => { armed = false; next(); }; armed = true; xhr.open("GET", "/fail"); xhr.send(); });
      void text;
    })();
    await done; for (const name of traps) delete Object.prototype[name];`,
  species: `
    // Attaching to a promise reads its constructor, and that one's species.
    const asked = []; seen.asked = asked; const NativePromise = Promise;
    const response = await fetch("/fail");
    Object.defineProperty(Promise.prototype, "constructor", { configurable: true, get() { asked.push("constructor"); return NativePromise; } });
    const species = Object.getOwnPropertyDescriptor(Promise, Symbol.species);
    Object.defineProperty(Promise, Symbol.species, { configurable: true, get() { asked.push("species"); return NativePromise; } });
    const p = fetch("/json"); void response.ok; const { status } = response; seen.status = status;
    Object.defineProperty(Promise, Symbol.species, species);
    Object.defineProperty(Promise.prototype, "constructor", { configurable: true, writable: true, enumerable: false, value: NativePromise });
    await p; seen.text = await response.text();`,
};

/**
 * Called when a page has ended: the page tells the server, as a driver that asks the page runs its own code there.
 * @type {(() => void) | null}
 */
let ended = null;
const pages = Object.fromEntries(
  Object.entries(HOSTILE).map(([name, script]) => [
    `/${name}`,
    scripted(`var seen = {}; ${TOOLS}
      (async () => { ${script} })().catch((error) => { seen.failed = String(error && error.stack || error); }).then(() => { new Image().src = "/ended"; });`),
  ]),
);
const failed = '{"error":"it failed","list":[1,2,{"a":null}]}';
const json = { "content-type": "application/json" };
const rig = await sharedRig({
  pages: {
    ...pages,
    "/ended": (_, response) => {
      response.writeHead(204).end();
      ended?.();
    },
    "/json": (_, response) => response.writeHead(200, json).end('{"ok":true}'),
    "/fail": (_, response) => response.writeHead(500, json).end(failed),
    "/open": (_, response) => response.writeHead(200, json).write("[1,"),
    "/open-500": (_, response) =>
      response
        // Without it an XMLHttpRequest waits for more bytes to guess the type from.
        .writeHead(500, { "content-type": "text/plain", "x-content-type-options": "nosniff" })
        .write("first"),
    "/big-500": (_, response) =>
      response.writeHead(500, { "content-type": "text/plain" }).end("b".repeat(3_000_000)),
    "/empty-500": (_, response) => response.writeHead(500, json).end(),
    "/cut-500": (request, response) => {
      response.writeHead(500, { "content-type": "text/plain", "content-length": "1000" }).write("part");
      setTimeout(() => request.socket.destroy(), 100);
    },
    "/204": (_, response) => response.writeHead(204).end(),
    "/hop": (_, response) => response.writeHead(302, { location: "/fail" }).end(),
    "/slow": (_, response) => setTimeout(() => response.writeHead(200).end("slow"), 1_000),
    "/events": (_, response) =>
      response
        .writeHead(200, { "content-type": "text/event-stream" })
        .write("event: named\ndata: n\nid: 1\n\ndata: m\n\n"),
    "/reset": (request) => request.socket.destroy(),
    "/echo": (request, response) => {
      let body = "";
      request.on("data", (chunk) => {
        body += chunk;
      });
      request.on("end", () => {
        const { method, headers } = request;
        const got = { method, body, mine: headers["x-mine"] ?? null, cookie: headers.cookie ?? null };
        response.writeHead(200, json).end(JSON.stringify(got));
      });
    },
  },
  capture: { categories: { network: { detail_level: "verbose" } } },
});
acceptWebSockets(rig.site.server);
const bare = await sharedBareBrowser();

/** Returns the page's observations. @param {import("playwright-core").BrowserContext} context @param {string} name */
async function visit(context, name) {
  const page = await context.newPage();
  const hasEnded = new Promise((resolve) => {
    ended = () => resolve(undefined);
  });
  await page.goto(`${rig.site.origin}/${name}`);
  await hasEnded;
  const seen = /** @type {Record<string, unknown>} */ (await page.evaluate("window.seen"));
  await page.close();
  assert.equal(seen.failed, undefined, "the page ran to its end");
  return seen;
}

for (const name of Object.keys(HOSTILE)) {
  test(`a page's requests behave as without recording: ${name}`, { timeout: 180_000 }, async () => {
    const without = await visit(bare, name);
    assert.deepEqual(await visit(rig.context, name), without);
    // A comparison of two pages that were not observed would prove nothing.
    await rig.until("type:network.call", (events) =>
      events.some(({ data }) => JSON.stringify(data).includes(`/${name}:`)),
    );
  });
}

test("what is observed of hostile pages is right", async () => {
  const bodies = await rig.until('type:network.response_body "it failed"', (events) => events.length > 0);
  for (const { data } of bodies) {
    const { body, response_status } = /** @type {any} */ (data);
    assert.deepEqual(
      [JSON.parse(body), response_status],
      [JSON.parse('{"error":"it failed","list":[1,2,{"a":null}]}'), 500],
    );
  }
});
