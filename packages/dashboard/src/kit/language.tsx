/** The language of the page, and how times and numbers are written: in the viewer's zone and locale. */
import { createContext, use, useEffect, useMemo, useState, type ReactNode } from 'react';
import { I18nProvider } from 'react-aria-components/I18nProvider';
import { en, type Texts } from '../texts/en.js';

export const LANGUAGES = { en: 'English', de: 'Deutsch' } as const;

export type Language = keyof typeof LANGUAGES;

interface Speech {
  readonly language: Language;
  /** `de-AT` for German in Austria. */
  readonly locale: string;
  readonly texts: Texts;
  readonly speak: (language: Language) => void;
}

const KEY = 'tenantry:language';
const SpeechContext = createContext<Speech>({
  language: 'en',
  locale: 'en',
  texts: en,
  speak: () => undefined,
});

const isLanguage = (text: string): text is Language => Object.hasOwn(LANGUAGES, text);

/** What was chosen here before, else the first language of the browser that there is. */
function preferred(): Language {
  const wanted = [localStorage.getItem(KEY) ?? '', ...navigator.languages.map((tag) => tag.slice(0, 2))];
  return wanted.find(isLanguage) ?? 'en';
}

/** The texts of a language; only English comes with the first page. */
const textsOf = async (language: Language): Promise<Texts> =>
  language === 'en' ? en : (await import('../texts/de.js')).de;

/** Shows what is in it in the viewer's language. */
export function LanguageProvider({ children }: { readonly children: ReactNode }): ReactNode {
  const [language, setLanguage] = useState(preferred);
  const [texts, setTexts] = useState<Texts>();
  useEffect(() => {
    let isCurrent = true;
    document.documentElement.lang = language;
    void textsOf(language).then((loaded) => {
      if (isCurrent) setTexts(loaded);
    });
    return () => void (isCurrent = false);
  }, [language]);
  const locale = navigator.languages.find((tag) => tag.startsWith(language)) ?? language;
  const speech = useMemo(
    () =>
      texts && {
        language,
        locale,
        texts,
        speak: (chosen: Language) => {
          localStorage.setItem(KEY, chosen);
          setLanguage(chosen);
        },
      },
    [language, locale, texts],
  );
  if (!speech) return null;
  return (
    <SpeechContext value={speech}>
      <I18nProvider locale={locale}>{children}</I18nProvider>
    </SpeechContext>
  );
}

export const useSpeech = (): Speech => use(SpeechContext);

export const useTexts = (): Texts => useSpeech().texts;

/** Writes a number as people here do. */
export function useNumber(): (value: number | string) => string {
  const { locale } = useSpeech();
  return useMemo(() => {
    const format = new Intl.NumberFormat(locale);
    return (value) => format.format(Number(value));
  }, [locale]);
}

/** A point in time, in the viewer's zone; a dash when there is none. */
export function Time({ value }: { readonly value: string | null | undefined }): ReactNode {
  const { locale } = useSpeech();
  if (value == null) return '–';
  const format = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
  return (
    <time dateTime={value} title={value}>
      {format.format(new Date(value))}
    </time>
  );
}
