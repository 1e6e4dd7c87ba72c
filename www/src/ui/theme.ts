/** The color scheme: light, dark, or that of the system. The choice is stored in this browser. */
import { effect, type Signal, signal } from "@preact/signals";

export type ThemeChoice = "system" | "light" | "dark";

const KEY = "tabtape.theme";

export class Theme {
  readonly choice: Signal<ThemeChoice> = signal(stored());
  /** The scheme on screen. */
  readonly shown: Signal<"light" | "dark"> = signal("light");

  constructor() {
    const system = matchMedia("(prefers-color-scheme: dark)");
    const apply = () => {
      const choice = this.choice.value;
      this.shown.value = choice === "system" ? (system.matches ? "dark" : "light") : choice;
      if (choice === "system") delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = choice;
    };
    system.addEventListener("change", apply);
    effect(apply);
  }

  get value(): "light" | "dark" {
    return this.shown.value;
  }

  /** Switches to the scheme that is not on screen. */
  toggle(): void {
    this.choice.value = this.shown.value === "dark" ? "light" : "dark";
    localStorage.setItem(KEY, this.choice.value);
  }
}

function stored(): ThemeChoice {
  const value = localStorage.getItem(KEY);
  return value === "light" || value === "dark" ? value : "system";
}
