/** Prints what users.json keeps of a password, which is read from the standard input. */
import { text } from 'node:stream/consumers';
import process from 'node:process';
import { hashed } from './users.js';

process.stdout.write(`${await hashed((await text(process.stdin)).replace(/\r?\n$/, ''))}\n`);
