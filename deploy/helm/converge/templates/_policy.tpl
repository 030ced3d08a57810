{{/* The policy: where it comes from, and what of it can be seen to be wrong before a relay reads it. */}}

{{- define "converge.hasPolicy" -}}
{{- if or .Values.policy.file .Values.policy.existingConfigMap }}yes{{ end }}
{{- end }}

{{- define "converge.policyConfigMapName" -}}
{{- .Values.policy.existingConfigMap | default (printf "%s-policy" (include "converge.fullname" .)) }}
{{- end }}

{{- define "converge.policyKey" -}}
{{- ternary .Values.policy.existingConfigMapKey "policy.yaml" (ne .Values.policy.existingConfigMap "") }}
{{- end }}

{{/*
The text of the file. A map as JSON, which is YAML too: Helm's own YAML would write a project_id of 12345678 as 1.2345678e+07.
*/}}
{{- define "converge.policyText" -}}
{{- if kindIs "string" .Values.policy.file }}{{ .Values.policy.file }}{{ else }}{{ toPrettyJson .Values.policy.file }}{{ end }}
{{- end }}

{{/* A directory, not one file of it (subPath): only in a directory does the kubelet put a new version. */}}
{{- define "converge.policyFolder" -}}/etc/converge/policy{{- end }}
{{- define "converge.ssoFolder" -}}/etc/converge/sso{{- end }}
{{- define "converge.ssoFile" -}}client-secret{{- end }}

{{- define "converge.check.policy" -}}
{{- $v := .Values.policy }}
{{- $ssoFile := printf "%s/%s" (include "converge.ssoFolder" .) (include "converge.ssoFile" .) }}
{{- if and $v.file $v.existingConfigMap }}
  {{- fail "policy: file and existingConfigMap are both set; keep one of them" }}
{{- end }}
{{- if and $v.ssoSecret (not (include "converge.hasPolicy" .)) }}
  {{- fail "policy.ssoSecret without a policy: set policy.file or policy.existingConfigMap, or leave it empty" }}
{{- end }}
{{- if $v.file }}
  {{- $text := include "converge.policyText" . }}
  {{- /* Whole lines that are comments say nothing. */}}
  {{- $said := regexReplaceAll "(?m)^\\s*#.*$" $text "" }}
  {{- $namesFile := regexMatch "client-secret-file" $said }}
  {{- if and $v.ssoSecret (not (contains $ssoFile $said)) }}
    {{- fail (printf "policy.ssoSecret is set, and policy.file does not read it: write client-secret-file: %s under sso" $ssoFile) }}
  {{- end }}
  {{- if and $namesFile (not $v.ssoSecret) }}
    {{- fail (printf "policy.file names a client-secret-file, and no Secret is mounted: set policy.ssoSecret, and write client-secret-file: %s" $ssoFile) }}
  {{- end }}
{{- end }}
{{- end }}
