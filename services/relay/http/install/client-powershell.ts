// `/docs/client.ps1`: puts wsproxy and tcptows into a folder on Windows, checked.
import { scriptCommand } from '#shared/commands/printed-commands.ts';
import { clientPath } from '#shared/protocol/paths.ts';
import { powerShellFrom } from './powershell-parts.ts';
import type { ScriptInput } from './script-parts.ts';

/** Both or neither: what is in the folder already stays until both are checked. */
const BODY = `
  $target = '.'
  if ($options.Count -gt 0) { $target = [string] $options[0] }
  if (-not (Test-Path -LiteralPath $target)) { $null = New-Item -ItemType Directory -Path $target }
  $target = (Resolve-Path -LiteralPath $target).ProviderPath
  $folder = New-Folder $target
  try {
    foreach ($name in 'wsproxy', 'tcptows') { Save-Program $name (Join-Path $folder "$name.exe") }
    foreach ($name in 'wsproxy', 'tcptows') {
      try {
        Move-Item -Force -LiteralPath (Join-Path $folder "$name.exe") -Destination (Join-Path $target "$name.exe")
      } catch {
        throw "converge: cannot put $name.exe into \${target}, it may be running: $($_.Exception.Message)"
      }
    }
  } finally {
    Remove-Item -Recurse -Force -LiteralPath $folder -ErrorAction SilentlyContinue
  }
  Write-Host "wsproxy.exe and tcptows.exe are in $target. Next, in that folder, with the URL of the job log:"
  Write-Host "  .\\wsproxy.exe ssh ""$relayWs${clientPath('ID')}"""`;

export function clientPowerShell(input: ScriptInput): string {
  const purpose = `puts wsproxy and tcptows from ${input.http} into this folder, or the one that it is given, checked`;
  return powerShellFrom(purpose, input, scriptCommand(input.http, 'client.sh'), BODY);
}
