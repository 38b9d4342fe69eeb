/** The operators' console: the pages below `/operator`. */
import { lazy, StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { LanguageProvider } from '../kit/language.js';
import { App } from '../shell/app.js';
import { applyTheme } from '../shell/theme.js';
import '../styles.css';
import { Ended } from './frame/ended.js';
import { Signed } from './frame/signed.js';

/** Only in development. */
const Demo = lazy(() => import('./frame/demo-login.js'));

applyTheme();
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <LanguageProvider>
      <App parts={{ Demo, Signed, Ended }} />
    </LanguageProvider>
  </StrictMode>,
);
