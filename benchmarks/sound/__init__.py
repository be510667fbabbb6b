"""How well is sound placed? Made recordings with known truth, a comparison, the calibration of confidence, costs.

Numbers in the documents are of real voices, music and noises from packages of Debian 12, whose groups are dealt to
development, calibration and test::

    mkdir -p packages sounds && cd packages
    apt-get download asterisk-core-sounds-{en,es,fr,it,ru}-g722=1.6.1-1 asterisk-prompt-es-co=0.20070403-2.1 \\
        asterisk-prompt-fr-armelle=20070613-2.2 \\
        asc-music=1.3-6 drascula-music=1.0+ds4-2 hyperrogue-music=12.0q-1 singularity-music=007-2 \\
        warzone2100-music=4.3.3-3 wesnoth-1.16-music=1:1.16.9-1 \\
        colobot-common-sounds=0.2.0-2 hedgewars-data=1.0.2-6 lincity-ng-data=2.9~git20150314-5
    for file in *.deb; do
        case $file in asterisk*) kind=speech ;; *-music*) kind=music ;; *) kind=effects ;; esac
        mkdir -p ../sounds/$kind && dpkg -x $file ../sounds/$kind/${file%%_*}
    done

``--sources sounds`` then reads them. Without it all sounds are made.
"""
