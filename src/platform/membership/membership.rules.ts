import { atLeast, type Role } from '../../access/permissions.js';
import { dataRule } from '../../access/shield.js';
import { aboveOwnRole } from './role-ceiling.js';

const grantsNoRoleAboveOwn = dataRule<{ input: { role: Role } }>(
  'grants no role above their own',
  ({ input }, { viewer }) => atLeast(viewer.role, input.role) || aboveOwnRole(input.role),
);

export const rules = { 'Mutation.changeMemberRole': grantsNoRoleAboveOwn };
