// PowerShell parts: what `/docs/agent.ps1` and `/docs/client.ps1` do alike, for Windows PowerShell 5.1 and PowerShell 7.
import { downloadPath } from '#shared/protocol/paths.ts';
import type { ScriptInput } from './script-parts.ts';

/**
 * The whole script, whose work is `body`, with the words of the caller in `$options`. It is one block in braces, and does
 * nothing without the word behind it: of a script that was cut nothing runs. No name of it is left behind. It never says
 * `exit`, which would close the window that it was pasted into.
 */
export function powerShellFrom(
  purpose: string,
  { http, ws, programs }: ScriptInput,
  instead: string,
  body: string,
): string {
  const digests = programs.map(({ program, sha256 }) => `    ${powerShellQuoted(program)} = '${sha256}'\n`);
  const files = programs.map(
    ({ program, fileName }) => `    ${powerShellQuoted(program)} = ${powerShellQuoted(fileName)}\n`,
  );
  return `# Converge: ${purpose}
# For Windows PowerShell 5.1 and PowerShell 7. It is one block in braces: of a part of it nothing runs.
& {
  Set-StrictMode -Off
  $ErrorActionPreference = 'Stop'
  $ProgressPreference = 'SilentlyContinue'
  if ($args.Count -eq 0 -or $args[-1] -ne '${LAST_WORD}') { throw 'converge: this is a part of the script only; get it again' }
  $options = @($args | Select-Object -SkipLast 1)
  $relay = ${powerShellQuoted(http)}
  $relayWs = ${powerShellQuoted(ws)}
  $digests = @{
${digests.join('')}  }
  $files = @{
${files.join('')}  }
  $instead = ${powerShellQuoted(instead)}
${PARTS}${body}
} @args '${LAST_WORD}'
`;
}

/** One word; in single quotes nothing means anything but they themselves. */
export function powerShellQuoted(text: string): string {
  return `'${text.replaceAll(/['\u2018-\u201b]/g, '$&$&')}'`;
}

const LAST_WORD = 'whole';

const PARTS = `  # PowerShell 7 has this word, and runs elsewhere too.
  if ($PSVersionTable.Platform -eq 'Unix') { throw "converge: this script is for Windows; here it is: $instead" }
  if (-not [Environment]::Is64BitOperatingSystem) { throw 'converge: there is nothing for Windows of 32 bits' }

  # Gets a program into a file, or throws.
  function Save-Program([string] $Name, [string] $Path) {
    $url = "$relay${downloadPath('$($files[$Name])')}"
    try {
      Invoke-WebRequest -UseBasicParsing -Uri $url -OutFile $Path
    } catch {
      throw "converge: cannot get \${url}: $($_.Exception.Message)"
    }
    $found = (Get-FileHash -Algorithm SHA256 -LiteralPath $Path).Hash
    if ($found -ne $digests[$Name]) {
      throw "converge: refused: $url is another file than the one that this script is for (SHA-256 $found, not $($digests[$Name])); if the relay was just upgraded, try again"
    }
  }

  # A new folder in another one.
  function New-Folder([string] $Base) {
    $path = Join-Path $Base ('.converge.' + [Guid]::NewGuid().ToString('N'))
    try {
      return (New-Item -ItemType Directory -Path $path).FullName
    } catch {
      throw "converge: cannot write into the folder \${Base}: $($_.Exception.Message)"
    }
  }
`;
