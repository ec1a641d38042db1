using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Transactions;

namespace Laptime.Cli.FastPath;

/// <summary>
/// `lap deploy` when there is nothing to do: proves it from the last run's proof, the stat index (or the agent's watch) and the target's own answer, and
/// says so, before anything else of lap is loaded. Whatever is not exactly as the proof has it goes to the full run, which decides.
/// </summary>
internal static class NoOpRun
{
    /// <summary>Past this size the full run folds the log and prunes reports.</summary>
    private const long MostLog = 1024 * 1024;

    private const int Output = 1;
    private const int Errors = 2;
    private static bool isTraced;

    /// <summary>Tells one build of lap from another. Two numbers: formatting a GUID is compiled at run time.</summary>
    public static string Build
    {
        get
        {
            var bytes = typeof(NoOpRun).Module.ModuleVersionId.ToByteArray();
            return PlainText.Number(BitConverter.ToUInt64(bytes, 0)) + "-" + PlainText.Number(BitConverter.ToUInt64(bytes, 8));
        }
    }

    /// <returns>False: the full run has to decide. True: it is done, with exit code 0.</returns>
    public static bool TryRun(string[] args)
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        var startTicks = Stopwatch.GetTimestamp();
        var startedUnixNs = RawFile.UnixNanoseconds();
        if (!Parse(args, out var environment, out var json, out var quiet, out var plain) || StartVariables.Read() is not { } variables || TwinsAreSet(variables) || FindRoot(out var source) is not { } root)
        {
            return false;
        }

        isTraced = variables.Value("DOTNET_EnableEventPipe") is not null;
        var proof = Proof.Load(Proof.PathOf(root, environment));
        if (proof is null || proof.Build != Build || proof.Root != root || proof.Source != source || !VariablesStand(proof, variables))
        {
            return false;
        }

        var run = new NoOpTimes { StartedUnixNs = startedUnixNs, StartTicks = startTicks };
        run.LookupStart = run.Elapsed();
        using var asked = AgentLine.Ask(proof.Socket, string.Concat("noop ", proof.Environment, " ", proof.Mark + "\n"));
        if (asked is null)
        {
            return false;
        }

        // With a watch the agent's word may spare the sweep, so it is heard first; without one both go on side by side.
        string[]? answer = null;
        if (proof.Mark != "-")
        {
            answer = asked.Read();
            run.LookupEnd = run.Elapsed();
        }

        run.DetectStart = run.Elapsed();
        var watched = answer is { Length: > 0 } && answer[^1] == "watch clean " + proof.Mark;
        if (!watched && !IsSwept(proof, root, variables))
        {
            return false;
        }

        run.DetectEnd = run.Elapsed();
        if (answer is null)
        {
            answer = asked.Read();
            run.LookupEnd = run.Elapsed();
        }

        var found = answer is null ? null : Match(proof, answer);
        if (found is null || RawFile.Exists(root + "/.laptime/measuring/undo.json"))
        {
            // (A killed measurement left its edit, or set the caches aside: the full run puts back what it changed, and looks again.)
            return false;
        }

        if (proof.Mark != "-" && !watched)
        {
            Rearm(proof, answer!, Proof.PathOf(root, environment));
        }

        return Tell(root, proof, found, run, json, quiet, !plain && HasColours(variables));
    }

    /// <summary>
    /// Ends the process with success, now: all was written by system calls. The runtime's own way out waits for its finalizer, for which it loads its compiler; the files of its
    /// diagnostics it removes this way too. Only who has it write a trace of itself has to wait for that.
    /// </summary>
    public static void End()
    {
        if (!isTraced)
        {
            Exit(0);
        }
    }

    /// <summary>Looks at every input.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool IsSwept(Proof proof, string root, StartVariables variables)
    {
        var verdict = NoOpCheck.Check(proof.Index, root, variables);
        return verdict.IsClean && verdict.Tree.ToString() == proof.Tree;
    }

    /// <summary>
    /// Something was written since the last look, and the look just now found nothing that counts. The agent's new mark is older than that look, so it
    /// stands for it: the next run need not look again.
    /// </summary>
    private static void Rearm(Proof proof, string[] answer, string path)
    {
        var word = answer[^1].LastIndexOf(' ');
        var mark = word < 0 ? "-" : answer[^1][(word + 1)..];
        if (mark == proof.Mark || mark is "-" or "")
        {
            return;
        }

        proof.Mark = mark;
        Save(proof, path);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Save(Proof proof, string path)
    {
        try
        {
            proof.Save(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next run looks again, as this one did.
        }
    }

    /// <summary>Only the plainest command line; anything else is for the full run.</summary>
    internal static bool Parse(string[] args, out string? environment, out bool json, out bool quiet, out bool plain)
    {
        (environment, json, quiet, plain) = (null, false, false, false);
        var output = false;
        if (args.Length == 0 || args[0] != "deploy")
        {
            return false;
        }

        for (var i = 1; i < args.Length; i++)
        {
            switch (args[i])
            {
                case "-o" or "--output" when !output && i + 1 < args.Length && args[i + 1] is "json" or "text":
                    output = true;
                    json = args[++i] == "json";
                    break;
                case "--env" when environment is null && i + 1 < args.Length && IsName(args[i + 1]):
                    environment = args[++i];
                    break;
                case "-q" or "--quiet":
                    quiet = true;
                    break;
                case "--no-color":
                    plain = true;
                    break;
                default:
                    return false;
            }
        }

        return true;
    }

    /// <summary>The name becomes part of a path.</summary>
    private static bool IsName(string text)
    {
        foreach (var c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '-' && c != '_')
            {
                return false;
            }
        }

        return text.Length is > 0 and < 64 && text[0] != '-';
    }

    /// <summary>
    /// Any LAP_ variable may be a flag's twin: the full run knows which (LAP_PUBLISH is none: it tells a checkout how to publish lap). So does it know where else a transaction is to be told (a collector, GitHub's summary).
    /// </summary>
    private static bool TwinsAreSet(StartVariables variables)
    {
        for (var at = StartVariables.First; at < variables.End; at = variables.Next(at))
        {
            if ((variables.Begins(at, "LAP_") && !variables.Begins(at, "LAP_AGENT_PATH=") && !variables.Begins(at, "LAP_PUBLISH="))
                || variables.Begins(at, "OTEL_EXPORTER_OTLP_") || variables.Begins(at, "GITHUB_STEP_SUMMARY="))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The workspace as the full run finds it. Null also where only that has the words for what is wrong.</summary>
    private static string? FindRoot(out string source)
    {
        source = Proof.OfLaptime;
        var here = RawFile.CurrentFolder();
        for (var folder = here; !string.IsNullOrEmpty(folder); folder = folder[..folder.LastIndexOf('/')])
        {
            if (RawFile.Exists(folder + "/laptime.yaml") || RawFile.Exists(folder + "/laptime.yml"))
            {
                return folder == "/" ? "" : folder;
            }
        }

        // Which of several it is, and what lies beside it, the agent compares.
        source = Proof.OfCompose;
        return !string.IsNullOrEmpty(here) && here != "/"
            && (RawFile.Exists(here + "/compose.yaml") || RawFile.Exists(here + "/compose.yml") || RawFile.Exists(here + "/docker-compose.yaml") || RawFile.Exists(here + "/docker-compose.yml"))
            ? here : null;
    }

    private static bool VariablesStand(Proof proof, StartVariables variables)
    {
        for (var i = 0; i < proof.Variables.Length; i++)
        {
            if (Proof.HashOfValue(proof.Key0, proof.Key1, variables.Value(proof.Variables[i])) != proof.VariableHashes[i])
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>What the target says of each component of the proof (artifact and run settings decide; which inputs once made them does not); null when it differs in anything, or runs something else beside them.</summary>
    private static string[][]? Match(Proof proof, string[] answer)
    {
        var rows = new string[proof.Names.Length][];
        var matched = 0;
        for (var i = 0; i < answer.Length - 1; i++)
        {
            var fields = PlainText.Split(answer[i], '\t');
            var at = fields.Length == 12 ? IndexOf(proof.Names, fields[0]) : -1;
            if (at < 0 || fields[1] != proof.Artifacts[at] || fields[2] != proof.DeploymentKeys[at] || fields[5] != "1"
                || fields[6] != fields[7] || fields[8] == "fail" || fields[9] == "fail")
            {
                return null;
            }

            rows[at] = fields;
            matched++;
        }

        for (var i = 0; i < rows.Length; i++)
        {
            if (rows[i] is null && proof.DeploymentKeys[i] != "-")
            {
                return null;
            }

            matched -= rows[i] is null ? 0 : 1;
        }

        return matched == 0 ? rows : null;
    }

    private static int IndexOf(string[] names, string name)
    {
        var at = names.Length - 1;
        while (at >= 0 && names[at] != name)
        {
            at--;
        }

        return at;
    }

    private static bool Tell(string root, Proof proof, string[][] found, NoOpTimes run, bool json, bool quiet, bool colour)
    {
        var count = proof.Names.Length;
        var revisions = new string?[count];
        var endpoints = new string?[count];
        var readiness = new string[count];
        var reflected = new string[count];
        var keys = new string?[count];
        var instances = new int[count];
        var of = new int[count];
        var readAt = new long[count];
        for (var i = 0; i < count; i++)
        {
            var row = found[i];
            readAt[i] = run.StartedUnixNs + run.LookupEnd;
            keys[i] = proof.DeploymentKeys[i] == "-" ? null : proof.DeploymentKeys[i];
            revisions[i] = row is null ? null : row[4];
            readiness[i] = row is null ? "not-run" : row[8];
            reflected[i] = row is null ? "not-run" : row[9];
            endpoints[i] = row is null || row[10].Length == 0 ? null : row[10];
            if (row is not null)
            {
                if (!PlainText.TryNumber(row[6], out var running) || !PlainText.TryNumber(row[7], out var wanted) || Math.Max(running, wanted) > int.MaxValue)
                {
                    return false;
                }

                instances[i] = (int)running;
                of[i] = (int)wanted;
            }
        }

        if (!RawFile.TryRandom(out var random))
        {
            return false;
        }

        var id = TransactionId.New(run.StartedUnixNs / 1_000_000_000, random).Text;
        var elapsed = run.Elapsed();
        var document = new NoOpDocument
        {
            Id = id, Workspace = proof.Workspace, Environment = proof.Environment, Target = proof.Target, Loop = proof.Loop, Profile = proof.Profile.Length == 0 ? null : proof.Profile,
            StartedUnixNs = run.StartedUnixNs, ElapsedNs = elapsed, DetectStartNs = run.DetectStart, DetectNs = run.DetectEnd - run.DetectStart, LookupStartNs = run.LookupStart,
            LookupNs = run.LookupEnd - run.LookupStart, Names = proof.Names, Fingerprints = proof.Fingerprints, DeploymentKeys = keys, Artifacts = proof.Artifacts,
            Revisions = revisions, Endpoints = endpoints, Instances = instances, Of = of, ReadUnixNs = readAt, Ready = readiness, Reflected = reflected,
            ParityGaps = proof.ParityGaps,
        };
        var line = new Utf8Json();
        document.WriteLine(line);
        var written = new Utf8Json();
        document.Write(written);
        var report = new Utf8Json();
        UnchangedView.Markdown(report, id, proof.Workspace, proof.Environment, proof.Names, revisions, readiness, instances, of, elapsed, proof.ParityGaps);
        if (!Record(root, proof, id, line, written, report))
        {
            return false;
        }

        if (json)
        {
            written.Raw('\n');
            Print(Output, written);
        }
        else if (!quiet)
        {
            var text = new Utf8Json();
            for (var i = 0; i < proof.Notices.Length; i++)
            {
                text.RawText("lap: ");
                text.RawText(proof.Notices[i]);
                text.Raw('\n');
            }

            Print(Errors, text);
            text.Clear();
            UnchangedView.Text(text, id, proof.Workspace, proof.Environment, proof.Names, revisions, readiness, endpoints, instances, of, elapsed, proof.ParityGaps, colour);
            Print(Output, text);
        }

        return true;
    }

    /// <summary>Every transaction is recorded and leaves its report; when that fails the full run says why.</summary>
    private static bool Record(string root, Proof proof, string id, Utf8Json line, Utf8Json document, Utf8Json report)
    {
        try
        {
            if (RawFile.LengthOf(proof.NoOpLog) > MostLog)
            {
                return false;
            }

            // The record comes last: without its report it would stand there twice, once the full run has written its own.
            var reports = root + "/.laptime/reports/" + id;
            return RawFile.Write(reports + ".md", report.Written) && RawFile.Write(reports + ".json", document.Written) && NoOpLog.TryAppend(proof.NoOpLog, line.Written);
        }
        catch (Exception)
        {
            // Whatever it was (a full disk, a folder of someone else's), the full run meets it again and has the words for it.
            return false;
        }
    }

    private static bool HasColours(StartVariables variables) =>
        string.IsNullOrEmpty(variables.Value("NO_COLOR")) && variables.Value("TERM") != "dumb"
        && (!string.IsNullOrEmpty(variables.Value("FORCE_COLOR")) || IsTerminal(1) == 1);

    private static unsafe void Print(int to, Utf8Json text)
    {
        fixed (byte* start = text.Written)
        {
            var length = text.Written.Length;
            for (var done = 0; done < length;)
            {
                var wrote = Write(to, start + done, length - done);
                if (wrote <= 0)
                {
                    return;
                }

                done += (int)wrote;
            }
        }
    }

    [DllImport(SystemLibrary.Name, EntryPoint = "isatty")]
    private static extern int IsTerminal(int handle);

    [DllImport(SystemLibrary.Name, EntryPoint = "write")]
    private static extern unsafe nint Write(int handle, byte* data, nint length);

    [DllImport(SystemLibrary.Name, EntryPoint = "exit")]
    private static extern void Exit(int code);
}

/// <summary>When the parts of such a run were. Nanoseconds since its start, where nothing else is said.</summary>
internal sealed class NoOpTimes
{
    public required long StartedUnixNs;
    public required long StartTicks;
    public long LookupStart;
    public long LookupEnd;
    public long DetectStart;
    public long DetectEnd;

    public long Elapsed() => (long)((Stopwatch.GetTimestamp() - StartTicks) * (1e9 / Stopwatch.Frequency));
}
