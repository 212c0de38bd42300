/** The switch between light, dark and the system's theme. */
import { html, useState } from './html.js';
import { chooseTheme, chosenTheme } from './theme.js';

export function ThemeSwitch() {
  const [theme, setTheme] = useState(chosenTheme());
  const choose = (event) => {
    chooseTheme(event.currentTarget.value);
    setTheme(chosenTheme());
  };
  return html`<select class="mini theme" aria-label="Theme" value=${theme} onChange=${choose}>
    <option value="system" selected=${theme === 'system'}>System</option>
    <option value="light" selected=${theme === 'light'}>Light</option>
    <option value="dark" selected=${theme === 'dark'}>Dark</option>
  </select>`;
}
