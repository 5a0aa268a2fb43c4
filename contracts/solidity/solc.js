#!/usr/bin/env node
// The compiler as forge wants to call it, over the JavaScript build of solc.
//
// forge asks for `--version`, then runs `--standard-json` with the input on stdin. The solcjs that npm installs
// refuses the other flags forge passes (--allow-paths, --base-path), so they are accepted here and ignored:
// every import is read below this folder, or refused.
'use strict';

const fs = require('fs');
const path = require('path');
const solc = require('solc');

const root = __dirname;

function readImport(name) {
  const file = path.resolve(root, name.startsWith('@') ? path.join('node_modules', name) : name);
  if (!file.startsWith(root + path.sep)) {
    return { error: `import outside the project: ${name}` };
  }
  try {
    return { contents: fs.readFileSync(file, 'utf8') };
  } catch (e) {
    return { error: `cannot read ${name}: ${e.code}` };
  }
}

if (process.argv.includes('--version')) {
  const version = solc.version().replace(/\.Emscripten\.clang$/, '.Linux.g++');
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${version}\n`);
} else if (process.argv.includes('--standard-json')) {
  // Write and return: process.exit() would cut the output off at 64 KiB.
  process.stdout.write(solc.compile(fs.readFileSync(0, 'utf8'), { import: readImport }));
} else {
  process.stderr.write('solc.js: only --version and --standard-json are supported\n');
  process.exitCode = 2;
}
