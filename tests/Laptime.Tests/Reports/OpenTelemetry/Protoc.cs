using System.Diagnostics;
using System.Text;

namespace Laptime.Tests.Reports.OpenTelemetry;

/// <summary>Google's own protobuf compiler as the judge of our bytes.</summary>
internal static class Protoc
{
    private static readonly Lazy<bool> Here = new(() =>
    {
        try
        {
            return Run(["--version"], []) is { Length: > 0 };
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    });

    public static void Needed() => Assert.SkipUnless(Here.Value, "protoc is not installed: apt-get install protobuf-compiler (./test does)");

    /// <summary>The message in protobuf's text form; fields that the definition does not have show as bare numbers.</summary>
    public static string Decode(string message, byte[] bytes) => Encoding.UTF8.GetString(Run([$"--decode=otlp.{message}", .. Definition], bytes));

    public static byte[] Encode(string message, string text) => Run([$"--encode=otlp.{message}", .. Definition], Encoding.UTF8.GetBytes(text));

    private static IEnumerable<string> Definition => ["-I" + AppContext.BaseDirectory + "Reports/OpenTelemetry", "otlp.proto"];

    private static byte[] Run(IEnumerable<string> arguments, byte[] input)
    {
        using var process = Process.Start(new ProcessStartInfo("protoc", arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        using var output = new MemoryStream();
        var feeding = Task.Run(() =>
        {
            process.StandardInput.BaseStream.Write(input);
            process.StandardInput.Close();
        });
        var errors = process.StandardError.ReadToEndAsync();
        process.StandardOutput.BaseStream.CopyTo(output);
        process.WaitForExit();
        feeding.Wait();
        Assert.True(process.ExitCode == 0, errors.Result);
        return output.ToArray();
    }
}
