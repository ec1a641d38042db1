// A program that behaves badly on request: what tests run instead of real tools.
// Each argument is one act, done in order; an act's own values follow a colon.
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

var ignored = new List<PosixSignalRegistration>();
foreach (var act in args)
{
    var (verb, value) = act.Split(':', 2) is [var v, var rest] ? (v, rest) : (act, "");
    switch (verb)
    {
        case "say":
            Console.Out.WriteLine(value);
            break;
        case "err":
            Console.Error.WriteLine(value);
            break;
        case "env":
            Console.Out.WriteLine($"{value}={Environment.GetEnvironmentVariable(value) ?? "(unset)"}");
            break;
        case "lines": // lines:N
            for (var i = 1; i <= Number(value); i++)
            {
                Console.Out.WriteLine($"line {i}");
            }

            break;
        case "flood": // flood:MB in lines of 100 bytes
        case "long": // long:MB in one line
            var chunk = new byte[1 << 20];
            Array.Fill(chunk, (byte)'x');
            for (var i = 99; verb == "flood" && i < chunk.Length; i += 100)
            {
                chunk[i] = (byte)'\n';
            }

            using (var output = Console.OpenStandardOutput())
            {
                for (var i = 0; i < Number(value); i++)
                {
                    output.Write(chunk);
                }
            }

            break;
        case "ignore": // ignore SIGINT and SIGTERM
            ignored.Add(PosixSignalRegistration.Create(PosixSignal.SIGINT, context => context.Cancel = true));
            ignored.Add(PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => context.Cancel = true));
            break;
        case "hang":
            Thread.Sleep(Timeout.Infinite);
            break;
        case "grandchild": // grandchild:FILE hangs, holds our pipes, and leaves its process id in FILE
            using (var child = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["ignore", "hang"]) { UseShellExecute = false })!)
            {
                File.WriteAllText(value + ".new", child.Id.ToString(CultureInfo.InvariantCulture));
                File.Move(value + ".new", value);
            }

            break;
        case "write": // write:FILE
            File.WriteAllText(value, "written");
            break;
        case "await": // await:FILE until it exists
            while (!File.Exists(value))
            {
                Thread.Sleep(5);
            }

            break;
        case "stdin":
            Console.Out.WriteLine($"stdin has {Console.In.ReadToEnd().Length} characters");
            break;
        case "signal": // signal:N to itself
            Process.Start("/bin/kill", [$"-{value}", Environment.ProcessId.ToString(CultureInfo.InvariantCulture)]).WaitForExit();
            Thread.Sleep(Timeout.Infinite);
            break;
        case "serve": // an HTTP server on PORT, until SIGTERM
            return HttpServer.Serve();
        case "exit":
            return Number(value);
        default:
            Console.Error.WriteLine($"faketool: no act named {verb}");
            return 2;
    }
}

GC.KeepAlive(ignored);
return 0;

static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
