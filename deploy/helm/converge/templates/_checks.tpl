{{/*
Values that cannot work or contradict each other, in sentences that name the value and the way out. Types and misspelt names
are refused by values.schema.json before this is read.
*/}}
{{- define "converge.check" -}}
{{- include "converge.check.names" . }}
{{- include "converge.check.redis" . }}
{{- include "converge.check.clusterSecret" . }}
{{- include "converge.check.scale" . }}
{{- include "converge.check.relay" . }}
{{- include "converge.check.access" . }}
{{- include "converge.check.policy" . }}
{{- include "converge.check.audit" . }}
{{- end }}

{{- define "converge.check.audit" -}}
{{- $a := .Values.audit }}
{{- if and $a.to (not (regexMatch "^(stdout|https://.+|http://(localhost|127\\.[0-9.]+)[:/].*|file:/var/log/converge/[^/]+)$" $a.to)) }}
  {{- fail (printf "audit.to is %q: stdout, https://HOST/PATH or file:/var/log/converge/NAME" $a.to) }}
{{- end }}
{{- if and $a.tokenSecret (not (hasPrefix "http" $a.to)) }}
  {{- fail "audit.tokenSecret is set, but audit.to is no endpoint: set audit.to=https://HOST/PATH, or leave it empty" }}
{{- end }}
{{- if and $a.volume (not (hasPrefix "file:" $a.to)) }}
  {{- fail "audit.volume is set, but audit.to is no file: set audit.to=file:/var/log/converge/NAME, or leave it empty" }}
{{- end }}
{{- end }}

{{- define "converge.check.names" -}}
{{- $v := .Values }}
{{- $name := include "converge.fullname" . }}
{{- if not (regexMatch "^[a-z]([a-z0-9-]*[a-z0-9])?$" $name) }}
  {{- fail (printf "the objects would be called %q, and a Service's name must begin with a letter and hold small letters, digits and dashes only: set fullnameOverride, or call the release otherwise" $name) }}
{{- end }}
{{- range $label := list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" }}
  {{- if hasKey $v.podLabels $label }}
    {{- fail (printf "podLabels sets %s, by which the Services find the pods: choose another label" $label) }}
  {{- end }}
{{- end }}
{{- if not (kindIs "string" $v.image.tag) }}
  {{- fail (printf "image.tag is the number %v, and YAML may have changed it: put it in quotes, or use --set-string" $v.image.tag) }}
{{- end }}
{{- range $place, $repository := dict "image" $v.image.repository "redis.builtin.image" $v.redis.builtin.image.repository }}
  {{- if regexMatch "(^[a-z]+://|:[^/]*$|@)" $repository }}
    {{- fail (printf "%s.repository is %q: a name without https://, tag and digest, which have values of their own beside it" $place $repository) }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "converge.check.redis" -}}
{{- $v := .Values }}
{{- $redis := include "converge.hasRedis" . }}
{{- $external := or $v.redis.external.url $v.redis.external.existingSecret }}
{{- if and $v.redis.builtin.enabled $external }}
  {{- fail "redis: both the built-in and an external one are asked for; set redis.builtin.enabled=false to use the external one" }}
{{- end }}
{{- if and $v.redis.external.url $v.redis.external.existingSecret }}
  {{- fail "redis.external: url and existingSecret are both set; the relay can use only one URL" }}
{{- end }}
{{- if and $v.redis.external.url (not (regexMatch "^rediss?(\\+(sentinel|cluster))?://." $v.redis.external.url)) }}
  {{- fail "redis.external.url is none of redis://, redis+sentinel://, redis+cluster://, and the same with rediss for TLS" }}
{{- end }}
{{- if and (regexMatch "^rediss?\\+sentinel://" $v.redis.external.url) (not (regexMatch "^[a-z+]+://[^/]+/[A-Za-z0-9._-]+" $v.redis.external.url)) }}
  {{- fail "redis.external.url names no master: add /MASTER behind the sentinels" }}
{{- end }}
{{- if and $v.redis.external.caSecret (not $external) }}
  {{- fail "redis.external.caSecret without an external Redis: set redis.external.url or existingSecret, or leave it empty" }}
{{- end }}
{{- if and $v.redis.external.caSecret (hasPrefix "redis" $v.redis.external.url) (not (hasPrefix "rediss" $v.redis.external.url)) }}
  {{- fail "redis.external.caSecret is set, but redis.external.url asks for no TLS: begin it with rediss" }}
{{- end }}
{{- if and (not $redis) (not $v.autoscaling.enabled) (gt (int $v.replicas) 1) }}
  {{- fail (printf "replicas is %d without a Redis: pods find each other's agents through it; set redis.builtin.enabled=true or redis.external, or replicas=1" (int $v.replicas)) }}
{{- end }}
{{- if and (not $redis) $v.autoscaling.enabled (gt (int $v.autoscaling.maxReplicas) 1) }}
  {{- fail (printf "autoscaling.maxReplicas is %d without a Redis: pods find each other's agents through it; set redis.builtin.enabled=true or redis.external" (int $v.autoscaling.maxReplicas)) }}
{{- end }}
{{- if not (regexMatch "^[1-9][0-9]*(kb|mb|gb)$" $v.redis.builtin.maxmemory) }}
  {{- fail (printf "redis.builtin.maxmemory is %q: Redis writes it as 192mb (kb, mb or gb)" $v.redis.builtin.maxmemory) }}
{{- end }}
{{- $limit := ($v.redis.builtin.resources.limits | default dict).memory }}
{{- if and $v.redis.builtin.enabled $limit }}
  {{- $bytes := include "converge.bytes" $limit | float64 }}
  {{- if and (gt $bytes 0.0) (ge (include "converge.bytes" $v.redis.builtin.maxmemory | float64) $bytes) }}
    {{- fail (printf "redis.builtin.maxmemory is %s and its container may have %v: it would be killed before it says no; leave a quarter of redis.builtin.resources.limits.memory free" $v.redis.builtin.maxmemory $limit) }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "converge.check.clusterSecret" -}}
{{- $v := .Values }}
{{- if and $v.clusterSecret.value $v.clusterSecret.existingSecret }}
  {{- fail "clusterSecret: value and existingSecret are both set; keep one of them" }}
{{- end }}
{{- if $v.clusterSecret.value }}
  {{- $secrets := splitList "," $v.clusterSecret.value }}
  {{- if gt (len $secrets) 2 }}
    {{- fail (printf "clusterSecret.value holds %d secrets: at most two, NEW,OLD, while it is rotated" (len $secrets)) }}
  {{- end }}
  {{- range $index, $secret := $secrets }}
    {{- if lt (len (trim $secret)) 32 }}
      {{- fail (printf "clusterSecret.value: %s secret has %d characters, it must have 32 or more; openssl rand -hex 32 makes one" (ternary "the" "the second" (eq $index 0)) (len (trim $secret))) }}
    {{- end }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "converge.check.scale" -}}
{{- $v := .Values }}
{{- if and $v.autoscaling.enabled (gt (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas)) }}
  {{- fail (printf "autoscaling.minReplicas is %d, above autoscaling.maxReplicas, which is %d" (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas)) }}
{{- end }}
{{- if and $v.autoscaling.enabled (not (or $v.autoscaling.targetCPUUtilizationPercentage $v.autoscaling.agentsPerPod $v.autoscaling.bytesPerSecondPerPod)) }}
  {{- fail "autoscaling.enabled without a target: set autoscaling.targetCPUUtilizationPercentage, agentsPerPod or bytesPerSecondPerPod" }}
{{- end }}
{{- if and $v.autoscaling.enabled $v.autoscaling.targetCPUUtilizationPercentage (not (or ($v.resources.requests | default dict).cpu ($v.resources.limits | default dict).cpu)) }}
  {{- fail "autoscaling.targetCPUUtilizationPercentage is a share of resources.requests.cpu, which is empty: set it, or targetCPUUtilizationPercentage=0" }}
{{- end }}
{{- $limit := ($v.resources.limits | default dict).memory }}
{{- if $limit }}
  {{- $bytes := include "converge.bytes" $limit | float64 }}
  {{- if and (gt $bytes 0.0) (lt $bytes 134217728.0) }}
    {{- fail (printf "resources.limits.memory is %v: a relay takes 100 MiB before the first agent comes; from 128Mi on it starts" $limit) }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "converge.check.relay" -}}
{{- $v := .Values }}
{{- if lt (include "converge.graceSeconds" . | int) (include "converge.drainSeconds" . | int) }}
  {{- fail (printf "relay.terminationGracePeriodSeconds is %s, less than the drain of %s s (drainDelaySeconds + drainTimeoutSeconds): pods would be killed while they send people elsewhere; leave it null" (include "converge.graceSeconds" .) (include "converge.drainSeconds" .)) }}
{{- end }}
{{- if not (regexMatch "^(https?://[^/?#@ ]+/?)?$" $v.relay.publicUrl) }}
  {{- fail (printf "relay.publicUrl is %q: https://HOST or http://HOST, with a port if need be and without a path" $v.relay.publicUrl) }}
{{- end }}
{{- if not (regexMatch "^(true|false|[0-9]{1,2}|((loopback|linklocal|uniquelocal|[0-9A-Fa-f.:]+(/[0-9]{1,3})?)(, *|$))*)$" (toString $v.relay.trustProxy)) }}
  {{- fail (printf "relay.trustProxy is %q: true, false, a number of hops, or addresses such as \"10.0.0.0/8, uniquelocal\"" (toString $v.relay.trustProxy)) }}
{{- end }}
{{- if not (regexMatch "^([0-9A-Fa-f.:]+(/[0-9]{1,3})?(, *[0-9A-Fa-f.:]+(/[0-9]{1,3})?)*)?$" $v.relay.proxyProtocolFrom) }}
  {{- fail (printf "relay.proxyProtocolFrom is %q: addresses such as \"10.0.0.0/8, 192.0.2.1\"" $v.relay.proxyProtocolFrom) }}
{{- end }}
{{- if and $v.networkPolicy.ingressNamespaceSelector (not $v.networkPolicy.enabled) }}
  {{- fail "networkPolicy.ingressNamespaceSelector without networkPolicy.enabled: nothing would keep the others out" }}
{{- end }}
{{- if and $v.networkPolicy.ingressNamespaceSelector (ne $v.service.type "ClusterIP") }}
  {{- fail (printf "networkPolicy.ingressNamespaceSelector lets only the ingress in, and service.type %s lets others come past it: keep to one of them" $v.service.type) }}
{{- end }}
{{- $ours := dict "CLUSTER_SECRET" "clusterSecret" "REDIS_URL" "redis.external" "REDIS_PASSWORD" "redis.builtin.existingSecret" "PUBLIC_URL" "relay.publicUrl" "TERMINAL" "relay.terminal" "TERMINAL_ORIGINS" "relay.terminalOrigins" "PUMP" "relay.pump" "PUMP_THREADS" "relay.pumpThreads" "TRUST_PROXY" "relay.trustProxy" "PROXY_PROTOCOL_FROM" "relay.proxyProtocolFrom" "DRAIN_DELAY_SECONDS" "relay.drainDelaySeconds" "DRAIN_TIMEOUT_SECONDS" "relay.drainTimeoutSeconds" "LOG_LEVEL" "relay.logLevel" "TLS_CERT_FILE" "relay.tlsSecret" "TLS_KEY_FILE" "relay.tlsSecret" "HOST" "relay.ipv6" "POD_ADDRESS" "relay.ipv6" "KUBERNETES_SERVICE_NAME" "kubernetes.watchPeers" "POD_DELETION_COST" "kubernetes.deletionCost" "PORT" "service.port" "INTERNAL_PORT" "" "INTERNAL_HOST" "relay.ipv6" "POD_ID" "" "POD_IP" "" "POD_NAMESPACE" "" }}
{{- $_ := set $ours "MEMORY_LIMIT_BYTES" "resources.limits.memory" }}
{{- $_ := set $ours "UNLIMITED_ADDRESSES" "relay.limits.unlimitedAddresses" }}
{{- $_ := set $ours "LIMIT_PRIVATE_ADDRESSES" "relay.limits.limitPrivateAddresses" }}
{{- $_ := set $ours "POLICY_FILE" "policy.file" }}
{{- $_ := set $ours "AUDIT_TO" "audit.to" }}
{{- $_ := set $ours "AUDIT_TOKEN_FILE" "audit.tokenSecret" }}
{{- range $variable, $_ := include "converge.limits" $v.relay.limits | fromYaml }}
  {{- $_ := set $ours $variable (ternary "relay.limits.perAddress" "relay.limits.perPod" (hasPrefix "ADDRESS_" $variable)) }}
{{- end }}
{{- range $v.relay.extraEnv }}
  {{- if hasKey $ours .name }}
    {{- $value := get $ours .name }}
    {{- fail (printf "relay.extraEnv sets %s, which the chart sets itself: %s" .name (ternary "leave it out" (printf "use %s" $value) (eq $value ""))) }}
  {{- end }}
{{- end }}
{{- if and (not $v.serviceAccount.create) (not $v.serviceAccount.name) (or $v.kubernetes.watchPeers $v.kubernetes.deletionCost) }}
  {{- fail "serviceAccount.create is false and serviceAccount.name is empty: the Role would be given to the namespace's default account; name yours, or set kubernetes.watchPeers and kubernetes.deletionCost to false" }}
{{- end }}
{{- if and $v.kubernetes.deletionCost (not $v.kubernetes.watchPeers) }}
  {{- fail "kubernetes.deletionCost without kubernetes.watchPeers: the relay does both or only the watch" }}
{{- end }}
{{- end }}

{{- define "converge.check.access" -}}
{{- $v := .Values }}
{{- if and $v.ingress.enabled (not $v.ingress.host) }}
  {{- fail "ingress.enabled without a host: set ingress.host to the name in DNS" }}
{{- end }}
{{- if and $v.httpRoute.enabled (not $v.httpRoute.hostnames) }}
  {{- fail "httpRoute.enabled without a host: set httpRoute.hostnames to the names in DNS" }}
{{- end }}
{{- if and $v.httpRoute.enabled (not $v.httpRoute.parentRefs) }}
  {{- fail "httpRoute.enabled without a gateway: set httpRoute.parentRefs, for example [{name: public, namespace: gateways}]" }}
{{- end }}
{{- $hosts := dict "ingress.host" (compact (list $v.ingress.host)) "httpRoute.hostnames" $v.httpRoute.hostnames }}
{{- range $place, $names := $hosts }}
  {{- range $names }}
    {{- if not (regexMatch "^(\\*\\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$" .) }}
      {{- fail (printf "%s is %q: a name in DNS, in small letters, without https://, port and path" $place .) }}
    {{- end }}
  {{- end }}
{{- end }}
{{- if not $v.relay.publicUrl }}
  {{- if and $v.ingress.enabled (hasPrefix "*." $v.ingress.host) }}
    {{- fail (printf "ingress.host is %q, which nobody can type: set relay.publicUrl to the URL that people should use" $v.ingress.host) }}
  {{- end }}
  {{- if and $v.httpRoute.enabled (hasPrefix "*." (first $v.httpRoute.hostnames)) }}
    {{- fail (printf "httpRoute.hostnames begins with %q, which nobody can type: set relay.publicUrl to the URL that people should use" (first $v.httpRoute.hostnames)) }}
  {{- end }}
{{- end }}
{{- end }}

{{/* A quantity of Kubernetes (512Mi, 1G, 512m) or of Redis (192mb) in bytes; 0 where it is written in another way. */}}
{{- define "converge.bytes" -}}
{{- $text := toString . }}
{{- $units := dict "" 1 "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 "kb" 1024 "mb" 1048576 "gb" 1073741824 }}
{{- $unit := regexFind "[A-Za-z]*$" $text }}
{{- if and (regexMatch "^[0-9]+(\\.[0-9]+)?[A-Za-z]*$" $text) (hasKey $units $unit) }}
  {{- mulf (trimSuffix $unit $text | float64) (get $units $unit | float64) }}
{{- else }}0{{ end }}
{{- end }}
