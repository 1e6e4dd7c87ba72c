/**
 * Handlers that act on the press of the primary button: the row under the pointer may be another one when the button
 * is released. Assistive technology clicks without a press.
 */
export function onPress(act: (event: MouseEvent) => void) {
  return {
    onMouseDown: (event: MouseEvent) => {
      if (event.button === 0) act(event);
    },
    onClick: (event: MouseEvent) => {
      if (event.detail === 0) act(event);
    },
  };
}
