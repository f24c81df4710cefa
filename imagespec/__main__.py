from imagespec.cli.main import main

main()
