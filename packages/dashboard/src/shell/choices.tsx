import { useState, type ReactNode } from 'react';
import { Choice } from '../kit/choice.js';
import { LANGUAGES, useSpeech } from '../kit/language.js';
import { chooseTheme, chosenTheme } from './theme.js';

/** The language of the page. */
export function LanguageChoice(): ReactNode {
  const { texts, language, speak } = useSpeech();
  return <Choice label={texts.shell.language} value={language} options={LANGUAGES} onChange={speak} />;
}

/** Light or dark. */
export function ThemeChoice(): ReactNode {
  const { texts } = useSpeech();
  const [theme, setTheme] = useState(chosenTheme);
  return (
    <Choice
      label={texts.shell.theme}
      value={theme}
      options={texts.shell.themes}
      onChange={(chosen) => {
        chooseTheme(chosen);
        setTheme(chosen);
      }}
    />
  );
}
