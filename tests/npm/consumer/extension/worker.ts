/** The few lines that put the whole recorder into an extension. */
import { type CollectorTarget, record } from "tabtape/extension";

declare const COLLECTOR: CollectorTarget;

const tabtape = record({ recording: true, collector: COLLECTOR });

// For the test, which calls it from outside.
Object.assign(globalThis, { record, tabtape });
