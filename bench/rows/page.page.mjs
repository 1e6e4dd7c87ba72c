/**
 * In the page: what one `console.log("x", {a: 1})` and one `fetch` cost it, under the recorder that the address names.
 *
 * Nothing is attached to the page. It reports to its server, which says where to go next.
 */

import { datadog, rrweb, sentry } from "../lib/recorders.page.mjs";

const { who, calls, chunk } = Object.fromEntries(new URLSearchParams(location.search));
const CALLS = Number(calls);
const CHUNK = Number(chunk);

/** None for a bare page, and for ours: the extension comes by itself. */
const RECORDERS = { rrweb, sentry, datadog };
const turns = new MessageChannel();

/** Lets everything that is due run: recorders defer their work. */
function turn() {
  return new Promise((resolve) => {
    turns.port1.onmessage = resolve;
    turns.port2.postMessage(null);
  });
}

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A thousand calls a second, in tasks with room between them for whatever is deferred. */
const paced = () => sleep(CHUNK);

/** `count` calls, a few in each task: each one's cost, the whole of it, and the longest a task took. */
async function measure(count, between) {
  const costs = new Float64Array(count);
  let longest = 0;
  const begin = performance.now();
  for (let at = 0; at < count; ) {
    const task = performance.now();
    for (const end = Math.min(count, at + CHUNK); at < end; at++) {
      const before = performance.now();
      console.log("x", { a: at });
      costs[at] = performance.now() - before;
    }
    await between();
    longest = Math.max(longest, performance.now() - task);
  }
  const whole = performance.now() - begin;
  costs.sort();
  const micros = (milliseconds) => milliseconds * 1_000;
  return {
    mean: micros(costs.reduce((sum, cost) => sum + cost, 0) / count),
    p99: micros(costs[Math.floor(count * 0.99)]),
    whole: micros(whole / count),
    longest,
  };
}

/** `count` requests one after the other, each with its text: the mean cost of the call itself. */
async function requests(count) {
  let cost = 0;
  for (let at = 0; at < count; at++) {
    const before = performance.now();
    const answer = fetch("/small");
    cost += performance.now() - before;
    await (await answer).text();
  }
  return (cost * 1_000) / count;
}

/** Microseconds for which the threads of the browser's pages were on a processor: no other page does anything. */
async function onProcessor() {
  return Number(await (await fetch("/processor")).text());
}

async function run() {
  const finish = RECORDERS[who]?.(`${location.origin}/sink/${who}`);
  await sleep(300);
  await measure(CALLS / 4, turn); // Warms up.
  await sleep(300);
  const before = await onProcessor();
  const { mean, p99 } = await measure(CALLS / 4, paced);
  await sleep(300);
  const processor = (await onProcessor()) - before;
  const cpu = processor / (CALLS / 4);
  const flood = await measure(CALLS, turn);
  const count = CALLS / 4;
  await requests(count); // Warms up.
  await sleep(300);
  const beforeRequests = await onProcessor();
  const call = await requests(count);
  await sleep(300);
  const request = ((await onProcessor()) - beforeRequests) / count;
  const { whole, p99: floodP99, longest } = flood;
  const figures = { mean, p99, cpu, flood: whole, floodP99, longest, call, request };
  await finish?.();
  await sleep(1_000); // Peers send late; what has not left by now is lost with the page.
  const answer = await fetch("/result", { method: "POST", body: JSON.stringify({ who, figures }) });
  const { next } = await answer.json();
  if (next) location.replace(next);
}

run();
