/** The parts of the page that its first rows do without: a script of their own, loaded once those are painted. */
export { Compare } from "./compare/compare";
export { Pane } from "./detail/pane";
export { Help } from "./help";
export { NetworkTable } from "./network/table";
export { ProblemsPanel } from "./problems/panel";
export { Timeline } from "./timeline/timeline";
