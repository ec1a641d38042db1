using Laptime.Foundations;

namespace Laptime.Transactions;

/// <summary>
/// What a run knows that found nothing to do, in plain fields and arrays: it is filled before any library is loaded. All arrays have one element per
/// component, in the order of laptime.yaml. Times are nanoseconds; those of segments count from the start of the command.
/// </summary>
public sealed class NoOpDocument
{
    public required string Id { get; init; }
    public string Verb { get; init; } = "deploy";
    public required string Workspace { get; init; }
    public required string Environment { get; init; }
    public required string Target { get; init; }
    public required string Loop { get; init; }
    public string? Profile { get; init; }

    /// <summary>user@host, pid; null: not known.</summary>
    public string? Actor { get; init; }

    /// <summary>The git commit; null: not read.</summary>
    public string? Revision { get; init; }

    public bool Dirty { get; init; }

    /// <summary>When the command started: nanoseconds since 1970, UTC.</summary>
    public required long StartedUnixNs { get; init; }

    /// <summary>From the start of the command to the end of the last reading.</summary>
    public required long ElapsedNs { get; init; }

    public required long DetectStartNs { get; init; }
    public required long DetectNs { get; init; }
    public required long LookupStartNs { get; init; }
    public required long LookupNs { get; init; }

    public required string[] Names { get; init; }

    /// <summary>sha256:…; the same form in all of the digests. A null element is a null in the document.</summary>
    public required string?[] Fingerprints { get; init; }

    public required string?[] DeploymentKeys { get; init; }
    public required string?[] Artifacts { get; init; }

    /// <summary>What the target said the component is: the skip rests on it.</summary>
    public required string?[] Revisions { get; init; }

    public required string?[] Endpoints { get; init; }
    public required int[] Instances { get; init; }
    public required int[] Of { get; init; }

    /// <summary>When the target was read, nanoseconds since 1970, UTC.</summary>
    public required long[] ReadUnixNs { get; init; }

    /// <summary>Status texts of <c>SignalStatus</c>: what the reading says of them now.</summary>
    public required string[] Ready { get; init; }

    public required string[] Reflected { get; init; }

    public string[] ParityGaps { get; init; } = [];
    public string[] Warnings { get; init; } = [];

    /// <summary>The document as JSON, on one line, without any library; equal to what <see cref="TransactionJson"/> writes of the same document.</summary>
    public void Write(Utf8Json json)
    {
        json.Open('{');
        json.Text("schema", "laptime/transaction/v1");
        json.Text("id", Id);
        json.Text("verb", Verb);
        json.Text("workspace", Workspace);
        json.Text("environment", Environment);
        json.Text("target", Target);
        json.Text("loop", Loop);
        json.Text("profile", Profile);
        json.Text("outcome", "unchanged");
        json.Number("exitCode", 0);
        json.Open("trigger", '{');
        json.Text("event", "start");
        json.Time("at", StartedUnixNs);
        json.Text("revision", Revision);
        json.Bool("dirty", Dirty);
        json.Close('}');
        WriteInterval(json);
        json.Open("components", '[');
        for (var i = 0; i < Names.Length; i++)
        {
            WriteComponent(json, i);
        }

        json.Close(']');
        json.Open("segments", '[');
        WriteSegment(json, 1, "detect", null, DetectStartNs, DetectNs, DetectIsCritical);
        WriteSegment(json, 2, "lookup", "target", LookupStartNs, LookupNs, LookupIsCritical);
        json.Close(']');
        WriteDominant(json);
        json.Open("counters", '{');
        json.Number("built", 0);
        json.Number("reused", 0);
        json.Number("skipped", Names.Length);
        json.Number("rollouts", 0);
        json.Number("deploys", 0);
        json.Number("reconciled", 0);
        json.Close('}');
        json.Texts("parityGaps", ParityGaps);
        json.Texts("warnings", Warnings);
        json.Text("failure", null);
        json.Text("actor", Actor);
        json.Close('}');
    }

    /// <summary>A line for <see cref="NoOpLog.Append"/>.</summary>
    public void WriteLine(Utf8Json json)
    {
        // The line feed in front ends a line that a crash tore.
        json.Raw('\n');
        json.RawText(Id);
        json.Raw('\t');
        json.RawText(Environment);
        json.Raw('\t');
        json.RawNumber(StartedUnixNs);
        json.Raw('\t');
        json.RawSeconds(ElapsedNs);
        json.Raw('\t');
        Write(json);
        json.Raw('\n');
    }

    // The critical path of two segments: the one that ended last, and the other when it was over before (the rule of Measurement/CriticalPath).
    private bool LookupIsLast => LookupStartNs + LookupNs > DetectStartNs + DetectNs
        || (LookupStartNs + LookupNs == DetectStartNs + DetectNs && LookupStartNs >= DetectStartNs);

    private bool DetectIsCritical => !LookupIsLast || DetectStartNs + DetectNs <= LookupStartNs;

    private bool LookupIsCritical => LookupIsLast || LookupStartNs + LookupNs <= DetectStartNs;

    private void WriteInterval(Utf8Json json)
    {
        json.Open("interval", '{');
        json.Text("from", "start");
        json.Text("to", "unchanged");
        json.Time("start", StartedUnixNs);
        json.Time("end", StartedUnixNs + ElapsedNs);
        json.Seconds("seconds", ElapsedNs);
        json.Text("artifactPublishSeconds", null);
        json.Text("rolloutSeconds", null);
        json.Seconds("unattributedSeconds", ElapsedNs - (DetectIsCritical ? DetectNs : 0) - (LookupIsCritical ? LookupNs : 0));
        json.Close('}');
    }

    private void WriteComponent(Utf8Json json, int i)
    {
        // One that does not run has no deployment key, and nothing in the target was read for it.
        var runs = DeploymentKeys[i] is not null;
        json.Open('{');
        json.Text("name", Names[i]);
        json.Text("action", "skip");
        json.Text("cause", "unchanged");
        json.Texts("detail", []);
        json.Text("fingerprint", Fingerprints[i]);
        json.Text("deploymentKey", DeploymentKeys[i]);
        json.Text("artifact", Artifacts[i]);
        json.Text("previousArtifact", runs ? Artifacts[i] : null);
        json.Text("artifactSource", runs ? "deployed" : "cached");
        json.Text("fallback", null);
        json.Text("revision", runs ? Revisions[i] : RevisionOf(Names[i], Artifacts[i]));
        json.Open("signals", '{');
        WriteSignal(json, "live", runs ? "pass" : "not-run");
        WriteSignal(json, "ready", Ready[i]);
        WriteSignal(json, "smoke", "not-run");
        json.Open("reflected", '{');
        json.Text("status", Reflected[i]);
        if (Revisions[i] is { } observed)
        {
            json.Text("observed", observed);
        }

        if (runs)
        {
            json.Number("instances", Instances[i]);
            json.Number("of", Of[i]);
        }

        json.Close('}');
        json.Close('}');
        json.Text("endpoint", Endpoints[i]);
        if (runs)
        {
            json.Open("reading", '{');
            json.Text("revision", Revisions[i]);
            json.Text("artifact", Artifacts[i]);
            json.Number("instances", Instances[i]);
            json.Number("of", Of[i]);
            json.Time("at", ReadUnixNs[i]);
            json.Close('}');
        }
        else
        {
            json.Text("reading", null);
        }

        json.Text("stillServing", null);
        json.Close('}');
    }

    /// <summary>As <see cref="ComponentReports.Revision"/>: the first twelve digits of the digest.</summary>
    private static string? RevisionOf(string name, string? artifact) => artifact is null ? null : string.Concat(name, "@", artifact.AsSpan(artifact.IndexOf(':') + 1, 12));

    private static void WriteSignal(Utf8Json json, string name, string status)
    {
        json.Open(name, '{');
        json.Text("status", status);
        json.Close('}');
    }

    private static void WriteSegment(Utf8Json json, int id, string name, string? kind, long start, long duration, bool critical)
    {
        json.Open('{');
        json.Number("id", id);
        json.Text("parent", null);
        json.Text("name", name);
        json.Text("component", null);
        json.Text("kind", kind);
        json.Text("cache", null);
        json.Seconds("start", start);
        json.Seconds("seconds", duration);
        json.Bool("criticalPath", critical);
        json.Text("outcome", "ok");
        json.Open("after", '[');
        json.Close(']');
        json.Close('}');
    }

    private void WriteDominant(Utf8Json json)
    {
        var detect = DetectIsCritical && (!LookupIsCritical || DetectNs >= LookupNs);
        var duration = detect ? DetectNs : LookupNs;
        json.Open("dominant", '{');
        json.Text("segment", detect ? "detect" : "lookup");
        json.Text("component", null);
        json.Seconds("seconds", duration);
        // Nine decimals are beyond what a clock tells.
        json.Seconds("share", ElapsedNs == 0 ? 0 : (long)((double)duration / ElapsedNs * 1e9));
        json.Seconds("intervalWithout", ElapsedNs - (detect ? SavedWithoutDetect : SavedWithoutLookup));
        json.Close('}');
    }

    /// <summary>When both ran side by side, the other one still takes its time.</summary>
    private long SavedWithoutDetect => LookupIsCritical
        ? DetectNs
        : Math.Min(DetectNs, DetectStartNs + DetectNs - Math.Max(DetectStartNs, LookupStartNs + LookupNs));

    private long SavedWithoutLookup => DetectIsCritical
        ? LookupNs
        : Math.Min(LookupNs, LookupStartNs + LookupNs - Math.Max(LookupStartNs, DetectStartNs + DetectNs));
}
