using Laptime.Foundations;
using Laptime.Timing;
using Laptime.Transactions;

namespace Laptime.Tests.Reports;

/// <summary>Transactions as the engine leaves them, with fixed times.</summary>
internal static class Documents
{
    public static readonly DateTimeOffset Noon = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    private static string Sha(char c) => "sha256:" + new string(c, 64);

    /// <summary>One component of four is built and rolled out, 0.64 s after the save that asked for it.</summary>
    public static TransactionDocument Reflected()
    {
        Segment[] segments =
        [
            S(1, "wait", -0.31, 0.31) with { Kind = "queue" },
            S(2, "detect", 0, 0.012),
            S(3, "lookup", 0.002, 0.006),
            S(4, "plan", 0.012, 0.001),
            S(5, "build", 0.013, 1.262, "gateway"),
            S(6, "build/restore", 0.014, 0.020, "gateway", 5) with { Kind = "install", Cache = "hit" },
            S(7, "build/compile", 0.034, 1.20, "gateway", 5) with { Kind = "compile", Cache = "miss", After = [6] },
            S(8, "build/lint", 0.034, 0.80, "gateway", 5) with { Kind = "validate", Cache = "miss", After = [6] },
            S(9, "publish", 1.275, 0.020, "gateway") with { After = [5] },
            S(10, "rollout", 1.295, 0.235, "gateway"),
            S(11, "live", 1.30, 0.05, "gateway", 10),
            S(12, "ready", 1.35, 0.11, "gateway", 10),
            S(13, "smoke", 1.46, 0.04, "gateway", 10),
            S(14, "reflect", 1.50, 0.03, "gateway", 10),
            S(15, "drain", 1.53, 0.40, "gateway"),
        ];
        return Measured(new TransactionDocument
        {
            Id = "tx-20261121-120000-7f3a9c", Workspace = "shop", Environment = "local", Target = "process", Loop = "fast", Profile = "fast",
            Outcome = "reflected", ExitCode = 0, Actor = "ada@mill, pid 4711",
            Trigger = new TriggerReport("save", Noon.AddSeconds(-0.31), "1f2e3d4c5b6a79880123456789abcdef01234567", true),
            Components = [Gateway(), Skipped("catalog", 'b', 5081), Skipped("cart-store", 'c', null), Skipped("web", 'd', 5083)],
            Counters = new CounterReport { Built = 1, Skipped = 3, Rollouts = 1, Deploys = 1 },
            ParityGaps = ["gateway: step lint is left out of the fast loop"],
        }, segments, "save", "reflected", -0.31, 1.53, rollout: 0.235);
    }

    public static TransactionDocument Unchanged() => Measured(new TransactionDocument
    {
        Id = "tx-20261121-120005-000001", Workspace = "shop", Environment = "local", Target = "process", Loop = "fast", Profile = "fast",
        Outcome = "unchanged", ExitCode = 0, Actor = "ada@mill, pid 4712", Trigger = new TriggerReport("start", Noon, null, false),
        Components = [Skipped("gateway", 'a', 5080), Skipped("catalog", 'b', 5081), Skipped("cart-store", 'c', null), Skipped("web", 'd', 5083)],
        Counters = new CounterReport { Skipped = 4 },
    }, [S(1, "detect", 0, 0.018), S(2, "lookup", 0.018, 0.004)], "start", "unchanged", 0, 0.023, rollout: null);

    /// <summary>A commit of last night, deployed this morning: idle waiting beside seconds of work.</summary>
    public static TransactionDocument AfterANight()
    {
        var document = Reflected();
        Segment[] segments = [S(1, "wait", -36000, 36000) with { Kind = "idle" }, .. document.Segments.Skip(1)];
        return Measured(document with { Trigger = document.Trigger! with { Event = "commit", At = Noon.AddHours(-10) } }, segments, "commit", "reflected", -36000, 1.53, 0.235);
    }

    public static TransactionDocument NotReady() => Measured(Reflected() with
    {
        Id = "tx-20261121-120100-0badc0",
        Outcome = "readiness-timeout",
        ExitCode = 12,
        Warnings = ["src/gateway/Cart.cs changed while gateway was built: its artifact is not cached"],
        ParityGaps = [],
        Components =
        [
            Gateway() with
            {
                Signals = new SignalsReport
                {
                    Live = new SignalReport { Status = "pass", Seconds = 0.05, Attempts = 1 },
                    Ready = new SignalReport { Status = "timeout", Seconds = 30, Attempts = 17, LastSeen = "503 Service Unavailable", Reason = "not ready within 30 s" },
                },
                StillServing = "gateway@0123456789ab",
            },
            Skipped("catalog", 'b', 5081),
        ],
        Failure = new FailureReport(
            "readiness-timeout", "gateway was not ready within 30 s: GET /health/ready gave 503 Service Unavailable, 17 attempts", "gateway, 127.0.0.1:41873",
            "look at the log (`lap logs gateway`), or give probes.ready.timeout more time",
            ["info: listening on http://127.0.0.1:41873", "fail: cannot open data/cart.db", "      unable to open database file ```"]),
    }, [S(1, "detect", 0, 0.012), S(2, "build/compile", 0.012, 1.2, "gateway"), S(3, "live", 1.3, 0.05, "gateway"), S(4, "ready", 1.35, 30, "gateway") with { Outcome = "timeout" }],
        "save", "failed", -0.31, 31.4, rollout: 30.1);

    /// <summary>As a killed run's journal folds, closed by the next run.</summary>
    public static TransactionDocument Killed() => Reflected() with
    {
        Id = "tx-20261121-120200-dead00",
        Outcome = "interrupted",
        ExitCode = null,
        Dominant = null,
        Interval = new IntervalReport { From = "save", To = "interrupted", Start = Noon },
        Segments = [S(1, "detect", 0, 0.012), S(2, "build/compile", 0.034, 0, "gateway") with { Seconds = null, Outcome = null }],
        Components = [Gateway() with { Signals = new SignalsReport(), Artifact = null, ArtifactSource = null, Revision = null }],
        Failure = new FailureReport("interrupted", "lap (pid 4711 on mill) ended without a word, in gateway: build/compile", null, "deploy again: the target is read first, and what was half done is brought to its end"),
    };

    public static TransactionDocument Hostile()
    {
        const string name = "ev|il`*_<b>\u001b[31m\u202e\n## x";
        return Measured(Reflected() with
        {
            Workspace = name,
            Environment = "a|b",
            Profile = "`",
            Warnings = ["| a | b |\n- c", "\u001b]0;title\u0007[link](javascript:x)"],
            ParityGaps = ["```"],
            Components = [Gateway() with { Name = name, Detail = ["dir/``x``|y.cs", "日本語/ファイル.cs", "<script>alert(1)</script>"], Endpoint = "http://x|y/" }],
            Failure = new FailureReport("smoke-failed", name, name, name, ["```", "````", name]),
            Outcome = "smoke-failed",
            ExitCode = 14,
            Actor = "\u0007<@team>",
        }, [S(1, name, 0, 1, name) with { Kind = "a|b" }], "save", "failed", 0, 1, null);
    }

    public static TransactionDocument Planned() => Reflected() with
    {
        Outcome = "planned",
        Interval = null,
        Segments = [],
        Dominant = null,
        Components =
        [
            Gateway() with { Signals = new SignalsReport(), Artifact = null, ArtifactSource = null, Revision = null, Reading = new ReadingReport("gateway@0123456789ab", Sha('0'), 1, 1, Noon) },
            .. Reflected().Components.Skip(1),
        ],
    };

    public static Segment S(int id, string name, double start, double seconds, string? component = null, int? parent = null) =>
        new() { Id = id, Name = name, Start = start, Seconds = seconds, Component = component, Parent = parent, Outcome = "ok" };

    public static TransactionDocument Measured(
        TransactionDocument document, Segment[] segments, string from, string to, double start, double end, double? rollout)
    {
        var path = CriticalPath.Of(segments, start, end);
        return document with
        {
            Segments = path.Segments,
            Dominant = path.Dominant,
            Interval = new IntervalReport
            {
                From = from, To = to, Start = Noon.AddSeconds(start), End = Noon.AddSeconds(end), Seconds = end - start, RolloutSeconds = rollout,
                UnattributedSeconds = path.UnattributedSeconds,
            },
        };
    }

    private static ComponentReport Gateway() => new()
    {
        Name = "gateway", Action = "build+rollout", Cause = "inputs-changed", Detail = ["src/gateway/Cart.cs", "proto/cart.proto"],
        Fingerprint = Sha('e'), DeploymentKey = Sha('f'), Artifact = Sha('a'), PreviousArtifact = Sha('0'), ArtifactSource = "built", Revision = "gateway@aaaaaaaaaaaa",
        Endpoint = "http://127.0.0.1:5080",
        Signals = new SignalsReport
        {
            Live = new SignalReport { Status = "pass", Seconds = 0.05, Attempts = 1 },
            Ready = new SignalReport { Status = "pass", Seconds = 0.11, Attempts = 3 },
            Smoke = new SignalReport { Status = "pass", Seconds = 0.04, Checks = 2 },
            Reflected = new SignalReport { Status = "pass", Seconds = 0.03, Observed = "gateway@aaaaaaaaaaaa", Instances = 1, Of = 1 },
        },
    };

    private static ComponentReport Skipped(string name, char digest, int? port) => new()
    {
        Name = name, Action = "skip", Cause = "unchanged", Fingerprint = Sha('1'), DeploymentKey = Sha('2'), Artifact = Sha(digest), PreviousArtifact = Sha(digest),
        ArtifactSource = "deployed", Revision = $"{name}@{new string(digest, 12)}", Endpoint = port is null ? null : $"http://127.0.0.1:{port}",
        Signals = new SignalsReport { Reflected = new SignalReport { Status = "pass", Observed = $"{name}@{new string(digest, 12)}", Instances = 1, Of = 1 } },
        Reading = new ReadingReport($"{name}@{new string(digest, 12)}", Sha(digest), 1, 1, Noon.AddSeconds(0.02)),
    };
}
