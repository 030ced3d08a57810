{{/*
Values that contradict each other, in sentences. What a single value must look like is in values.schema.json.
*/}}
{{- define "converge.check" -}}
{{- $v := .Values }}
{{- $redis := include "converge.hasRedis" . }}
{{- $external := or $v.redis.external.url $v.redis.external.existingSecret }}
{{- if and $v.redis.builtin.enabled $external }}
  {{- fail "redis: both the built-in and an external one are asked for; set redis.builtin.enabled=false to use the external one" }}
{{- end }}
{{- if and $v.redis.external.url $v.redis.external.existingSecret }}
  {{- fail "redis.external: url and existingSecret are both set; the relay can use only one URL" }}
{{- end }}
{{- if and (not $redis) (not $v.autoscaling.enabled) (gt (int $v.replicas) 1) }}
  {{- fail (printf "replicas is %d without a Redis: pods find each other's agents through it; set redis.builtin.enabled=true or redis.external, or replicas=1" (int $v.replicas)) }}
{{- end }}
{{- if and (not $redis) $v.autoscaling.enabled (gt (int $v.autoscaling.maxReplicas) 1) }}
  {{- fail (printf "autoscaling.maxReplicas is %d without a Redis: pods find each other's agents through it; set redis.builtin.enabled=true or redis.external" (int $v.autoscaling.maxReplicas)) }}
{{- end }}
{{- if and $v.autoscaling.enabled (gt (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas)) }}
  {{- fail (printf "autoscaling.minReplicas is %d, above autoscaling.maxReplicas, which is %d" (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas)) }}
{{- end }}
{{- if and $v.autoscaling.enabled (not (or $v.autoscaling.targetCPUUtilizationPercentage $v.autoscaling.agentsPerPod $v.autoscaling.bytesPerSecondPerPod)) }}
  {{- fail "autoscaling.enabled without a target: set autoscaling.targetCPUUtilizationPercentage, agentsPerPod or bytesPerSecondPerPod" }}
{{- end }}
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
{{- if and $v.redis.external.url (not (regexMatch "^rediss?(\\+(sentinel|cluster))?://." $v.redis.external.url)) }}
  {{- fail "redis.external.url is none of redis://, redis+sentinel://, redis+cluster://, and the same with rediss for TLS" }}
{{- end }}
{{- if lt (include "converge.graceSeconds" . | int) (include "converge.drainSeconds" . | int) }}
  {{- fail (printf "relay.terminationGracePeriodSeconds is %s, less than the drain of %s s (drainDelaySeconds + drainTimeoutSeconds): pods would be killed while they send people elsewhere; leave it null" (include "converge.graceSeconds" .) (include "converge.drainSeconds" .)) }}
{{- end }}
{{- if and $v.ingress.enabled (not $v.ingress.host) }}
  {{- fail "ingress.enabled without a host: set ingress.host to the name in DNS" }}
{{- end }}
{{- if and $v.httpRoute.enabled (not $v.httpRoute.hostnames) }}
  {{- fail "httpRoute.enabled without a host: set httpRoute.hostnames to the names in DNS" }}
{{- end }}
{{- if and $v.httpRoute.enabled (not $v.httpRoute.parentRefs) }}
  {{- fail "httpRoute.enabled without a gateway: set httpRoute.parentRefs, for example [{name: public, namespace: gateways}]" }}
{{- end }}
{{- if and (not $v.serviceAccount.create) (not $v.serviceAccount.name) (or $v.kubernetes.watchPeers $v.kubernetes.deletionCost) }}
  {{- fail "serviceAccount.create is false and serviceAccount.name is empty: the Role would be given to the namespace's default account; name yours, or set kubernetes.watchPeers and kubernetes.deletionCost to false" }}
{{- end }}
{{- if and $v.kubernetes.deletionCost (not $v.kubernetes.watchPeers) }}
  {{- fail "kubernetes.deletionCost without kubernetes.watchPeers: the relay does both or only the watch" }}
{{- end }}
{{- end }}
