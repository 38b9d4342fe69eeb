import type { FastifyInstance } from 'fastify';
import { installDashboard } from './dashboard.js';
import type { Demo } from './demo-user.js';
import type { Services } from './services.js';

/** Installs the dashboard, and the operators' console when their door is open. In production only where users can log in. */
export function installDashboards(app: FastifyInstance, services: Services, demo: Demo): void {
  const { config, login, operators } = services;
  const { production, baseDomain } = config;
  if (!production || login) {
    installDashboard(app, { pages: 'tenants', login, demoUsers: demo.users, baseDomain });
  }
  if (operators && (!production || operators.login)) {
    installDashboard(app, {
      pages: 'operators',
      login: operators.login,
      demoUsers: demo.operators,
      baseDomain,
    });
  }
}
