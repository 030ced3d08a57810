// `/docs/agent.ps1`: gets the agent for Windows, checks it and runs it.
import { scriptCommand } from '#shared/commands/printed-commands.ts';
import { agentPath } from '#shared/protocol/paths.ts';
import { powerShellFrom } from './powershell-parts.ts';
import type { ScriptInput } from './script-parts.ts';

/** The exit code of the agent stays in `$LASTEXITCODE`, which CI systems end a step with. */
const BODY = `
  $kept = $env:CONVERGE_URL
  $folder = New-Folder ([IO.Path]::GetTempPath())
  try {
    $agent = Join-Path $folder 'agent.exe'
    Save-Program 'agent' $agent
    if (-not $kept) { $env:CONVERGE_URL = "$relayWs${agentPath('').replace(/\/$/, '')}" }
    # A code other than 0 is for the caller to judge.
    $PSNativeCommandUseErrorActionPreference = $false
    & $agent @options
  } finally {
    $env:CONVERGE_URL = $kept
    Remove-Item -Recurse -Force -LiteralPath $folder -ErrorAction SilentlyContinue
  }`;

export function agentPowerShell(input: ScriptInput): string {
  const purpose = `gets the agent from ${input.http}, checks its SHA-256 and runs it with the options that it is given`;
  return powerShellFrom(purpose, input, scriptCommand(input.http, 'agent.sh'), BODY);
}
