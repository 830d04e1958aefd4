// Owns: the question for the read token. There is one question at a time, however many calls wait for it.

import { el } from './dom.js';

let asked = null;

/** The token that is typed in; `wrong` says that one was refused. */
export function askToken(wrong) {
  asked ??= new Promise((given) => {
    const input = el('input', { id: 'token', type: 'password', autocomplete: 'off', required: true, 'aria-describedby': 'token-help' });
    const dialog = el('dialog', { class: 'dialog', 'aria-labelledby': 'token-title' },
      el('form', { onsubmit: (event) => {
        event.preventDefault();
        asked = null;
        dialog.remove();
        given(input.value.trim());
      } },
      el('h2', { id: 'token-title', text: 'This log asks for a token' }),
      el('p', { id: 'token-help', text: wrong
        ? 'The token was refused. Ask whoever runs the service for the read token.'
        : 'Ask whoever runs the service for the read token. It is kept until this tab is closed.' }),
      el('label', { for: 'token', text: 'Read token' }),
      input,
      el('p', { class: 'actions' }, el('button', { class: 'primary', text: 'Continue' }))));
    // Without a token there is nothing to go back to.
    dialog.addEventListener('cancel', (event) => event.preventDefault());
    document.body.append(dialog);
    dialog.showModal();
    input.focus();
  });
  return asked;
}
