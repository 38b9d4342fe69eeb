import { lazy, StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { LanguageProvider } from './kit/language.js';
import { App } from './shell/app.js';
import { Ended } from './shell/ended.js';
import { Member } from './shell/member.js';
import { applyTheme } from './shell/theme.js';
import './styles.css';

/** Only in development. */
const Demo = lazy(() => import('./shell/demo-login.js'));

applyTheme();
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <LanguageProvider>
      <App parts={{ Demo, Signed: Member, Ended }} />
    </LanguageProvider>
  </StrictMode>,
);
