{{/* Names, labels and addresses that several objects share. */}}

{{- define "converge.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* 50 characters leave room for the longest suffix, -redis-password and pod hashes. */}}
{{- define "converge.fullname" -}}
{{- $name := include "converge.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "converge.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: {{ include "converge.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: converge
{{- end }}

{{/*
Of pods, beside their selector. Nothing that changes with the chart: a new version of it must not restart a Redis whose
container is the same.
*/}}
{{- define "converge.podLabels" -}}
app.kubernetes.io/part-of: converge
{{- end }}

{{/* The labels by which the relay's pods are found; a Deployment's can never change. */}}
{{- define "converge.relay.selector" -}}
app.kubernetes.io/name: {{ include "converge.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: relay
{{- end }}

{{- define "converge.redis.selector" -}}
app.kubernetes.io/name: {{ include "converge.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: redis
{{- end }}

{{- define "converge.image" -}}
{{- include "converge.imageName" (merge (dict "tag" (.Values.image.tag | default .Chart.AppVersion)) .Values.image) }}
{{- end }}

{{/* A digest names these very bytes; a tag whatever somebody last pushed under it. */}}
{{- define "converge.imageName" -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag }}{{ end }}
{{- end }}

{{- define "converge.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "converge.fullname" .) }}
{{- else }}{{ .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{- define "converge.internalService" -}}
{{ include "converge.fullname" . }}-internal
{{- end }}

{{- define "converge.servicePort" -}}
{{- .Values.service.port | default (ternary 443 80 (ne .Values.relay.tlsSecret "")) }}
{{- end }}

{{/*
Empty where it is not known: an Ingress without a Secret may still have TLS, by its controller's own certificate. The relay
then takes each request's word for it, which a wrong guess here would overrule.
*/}}
{{- define "converge.publicUrl" -}}
{{- if .Values.relay.publicUrl }}{{ .Values.relay.publicUrl }}
{{- else if and .Values.ingress.enabled .Values.ingress.tls.secretName }}https://{{ .Values.ingress.host }}
{{- else if .Values.ingress.enabled }}
{{- else if .Values.httpRoute.enabled }}{{ .Values.httpRoute.scheme }}://{{ first .Values.httpRoute.hostnames }}
{{- end }}
{{- end }}

{{/* Whether nobody but the ingress reaches the public port, so that whoever comes from a private address is a proxy. */}}
{{- define "converge.onlyIngress" -}}
{{- if and .Values.networkPolicy.enabled .Values.networkPolicy.ingressNamespaceSelector (eq .Values.service.type "ClusterIP") }}yes{{ end }}
{{- end }}

{{/*
Any pod of a cluster has a private address, and so has whoever comes through a node's port: where these can reach the relay
beside the ingress, they could claim any address. `false` and `0` are answers too, so what counts as unset is the empty
text alone.
*/}}
{{- define "converge.trustProxy" -}}
{{- if ne (toString .Values.relay.trustProxy) "" }}{{ .Values.relay.trustProxy }}
{{- else if include "converge.onlyIngress" . }}uniquelocal
{{- else }}false
{{- end }}
{{- end }}

{{/* The limits by the relay's variables, which are those of services/relay/limits/limit-table.ts. */}}
{{- define "converge.limits" -}}
ADDRESS_MAX_LINKS: {{ .perAddress.links }}
ADDRESS_MAX_WAITING: {{ .perAddress.waiting }}
ADDRESS_MAX_SESSIONS: {{ .perAddress.sessions }}
ADDRESS_MAX_DOWNLOADS: {{ .perAddress.downloads }}
ADDRESS_MAX_HELD_MIB: {{ .perAddress.heldMiB }}
ADDRESS_SETUPS_PER_SECOND: {{ .perAddress.setupsPerSecond }}
ADDRESS_SETUPS_BURST: {{ .perAddress.setupsBurst }}
MAX_LINKS: {{ .perPod.links }}
MAX_WAITING: {{ .perPod.waiting }}
MAX_SESSIONS: {{ .perPod.sessions }}
MAX_DOWNLOADS: {{ .perPod.downloads }}
MAX_MEMORY_PERCENT: {{ .perPod.memoryPercent }}
{{- end }}

{{/* A share of the memory limit; the rest is for buffers and Node itself. Not where there is no limit, nor beside one's own. */}}
{{- define "converge.nodeOptions" -}}
{{- $own := dict }}
{{- range .Values.relay.extraEnv }}{{ $_ := set $own .name true }}{{ end }}
{{- if and ((.Values.resources.limits | default dict).memory) (not (hasKey $own "NODE_OPTIONS")) }}--max-old-space-size-percentage=70{{ end }}
{{- end }}

{{/* What a drain takes, in seconds, and 15 for closing what is left. */}}
{{- define "converge.drainSeconds" -}}
{{- add (int .Values.relay.drainDelaySeconds) (int .Values.relay.drainTimeoutSeconds) }}
{{- end }}

{{- define "converge.graceSeconds" -}}
{{- if kindIs "invalid" .Values.relay.terminationGracePeriodSeconds }}{{ add (include "converge.drainSeconds" . | int) 15 }}
{{- else }}{{ int .Values.relay.terminationGracePeriodSeconds }}
{{- end }}
{{- end }}

{{/*
While an autoscaler decides, the number that it decided on. Left out, Kubernetes would take it for 1 in the upgrade that
turns autoscaling on, and two relays of three would leave at once. Without a cluster to ask nothing is said. Nor is it once
the field is the autoscaler's and Helm applies on the server's side (Helm 4, where the release was its own before): there a
field that is left out stays as it is, and one that says another number is a conflict, which would refuse later rollbacks.
*/}}
{{- define "converge.replicas" -}}
{{- if not .Values.autoscaling.enabled }}{{ .Values.replicas }}
{{- else }}
{{- $found := lookup "apps/v1" "Deployment" .Release.Namespace (include "converge.fullname" .) }}
{{- $appliesOnServer := semverCompare ">=4.0.0-0" .Capabilities.HelmVersion.Version }}
{{- $isApplied := false }}
{{- $isScaled := false }}
{{- range (($found).metadata | default dict).managedFields }}
  {{- $isApplied = or $isApplied (and (eq .manager "helm") (eq .operation "Apply")) }}
  {{- $isScaled = or $isScaled (eq (.subresource | default "") "scale") }}
{{- end }}
{{- if not (and $appliesOnServer $isApplied $isScaled) }}
{{- (($found).spec | default dict).replicas | default "" }}
{{- end }}
{{- end }}
{{- end }}

{{/* "yes" if an object of this kind is to be made: when asked for, or on auto when the cluster knows it. */}}
{{- define "converge.wanted" -}}
{{- if or (eq (toString .enabled) "true") (and (eq (toString .enabled) "auto") (.capabilities.APIVersions.Has .kind)) }}yes{{ end }}
{{- end }}

{{- define "converge.hasRedis" -}}
{{- if or .Values.redis.builtin.enabled .Values.redis.external.url .Values.redis.external.existingSecret }}yes{{ end }}
{{- end }}

{{/* What every container of the release is confined to: the "restricted" Pod Security Standard and no writable root. */}}
{{- define "converge.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "converge.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
seccompProfile:
  type: RuntimeDefault
{{- end }}
